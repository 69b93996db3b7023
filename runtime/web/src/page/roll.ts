/** The piano roll: draws a timeline around a second of it on a canvas. */
import { type Theme, colourOf, themeOf } from "./colours";
import { DRUMS, isBlackKey, pitchName } from "./programs";
import type { Shown, Timeline } from "./timeline";

const FEWEST_ROWS = 37; // three octaves
const NOW_AT = 0.2; // of the width: what was heard stands left of it
const EASE = 0.12; // of the way, each frame, to new rows
const MIDDLE = [42, 78] as const; // rows of an empty roll

/** What a frame is drawn from. */
interface Frame {
  time: number;
  from: number; // the second at the left edge
  nowX: number;
  scale: number; // pixels a second
  low: number; // the lowest row's pitch
  row: number; // pixels
  lit: Map<number, string>; // colours of keys that sound
}

export class Roll {
  private readonly context: CanvasRenderingContext2D;
  private width = 0;
  private height = 0;
  private low: number = MIDDLE[0];
  private high: number = MIDDLE[1];
  private theme: Theme = themeOf(false);
  /** Turn pages instead of scrolling. */
  calm = false;

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext("2d")!;
  }

  set dark(isDark: boolean) {
    this.theme = themeOf(isDark);
  }

  /** Fit the canvas to its place on the page. */
  resize(width: number, height: number, density: number): void {
    this.width = width;
    this.height = height;
    this.canvas.width = Math.round(width * density);
    this.canvas.height = Math.round(height * density);
    this.context.setTransform(density, 0, 0, density, 0, 0);
  }

  /** The second at a place of the canvas. */
  secondAt(x: number, time: number): number {
    const { from, scale } = this.view(time);
    return Math.max(0, from + (x - this.keys) / scale);
  }

  /** Draw. Whether the rows still move: if so, draw again. */
  draw(timeline: Timeline, time: number): boolean {
    const moves = this.fit(timeline);
    const { from, nowX, scale } = this.view(time);
    const row = this.height / (this.high - this.low + 1);
    const frame = { time, from, nowX, scale, low: this.low, row, lit: new Map() };
    this.drawRows(frame);
    if (timeline.notes.length) this.drawBars(frame, timeline);
    this.drawNotes(frame, timeline);
    if (timeline.notes.length) this.drawNow(frame);
    this.drawKeys(frame);
    return moves;
  }

  /** Width of the keyboard. */
  private get keys(): number {
    return this.width < 480 ? 30 : 44;
  }

  private view(time: number): { from: number; nowX: number; scale: number } {
    const room = this.width - this.keys;
    const seconds = 4.5 + this.width / 140;
    const scale = room / seconds;
    if (this.calm) {
      const from = Math.floor(time / seconds) * seconds;
      return { from, nowX: this.keys + (time - from) * scale, scale };
    }
    return { from: time - NOW_AT * seconds, nowX: this.keys + NOW_AT * room, scale };
  }

  /** Move the rows to what the song needs. Whether they have still some way to go. */
  private fit(timeline: Timeline): boolean {
    const isEmpty = timeline.lowest > timeline.highest;
    let low = isEmpty ? MIDDLE[0] : Math.max(0, timeline.lowest - 2);
    let high = isEmpty ? MIDDLE[1] : Math.min(127, timeline.highest + 2);
    const missing = Math.max(0, FEWEST_ROWS - (high - low + 1));
    low = Math.max(0, low - Math.ceil(missing / 2));
    high = Math.min(127, high + Math.floor(missing / 2));
    const ease = this.calm ? 1 : EASE;
    this.low += (low - this.low) * ease;
    this.high += (high - this.high) * ease;
    const isNear = Math.abs(low - this.low) + Math.abs(high - this.high) < 0.05;
    if (isNear) [this.low, this.high] = [low, high];
    return !isNear;
  }

  private y(frame: Frame, pitch: number): number {
    return this.height - (pitch - frame.low + 1) * frame.row;
  }

  private drawRows(frame: Frame): void {
    const { context, theme } = this;
    context.fillStyle = theme.paper;
    context.fillRect(0, 0, this.width, this.height);
    for (let pitch = Math.floor(this.low); pitch <= this.high + 1; pitch += 1) {
      const y = this.y(frame, pitch);
      if (isBlackKey(pitch)) {
        context.fillStyle = theme.lane;
        context.fillRect(this.keys, y, this.width, frame.row);
      }
      if (pitch % 12 === 0) {
        context.fillStyle = theme.octave;
        context.fillRect(this.keys, Math.round(y + frame.row) - 1, this.width, 1);
      }
    }
  }

  private drawBars(frame: Frame, timeline: Timeline): void {
    const { context, theme } = this;
    const until = frame.from + (this.width - this.keys) / frame.scale;
    timeline.barsUntil(timeline.closed ? Math.min(until, timeline.known) : until);
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "top";
    let written = Number.NEGATIVE_INFINITY;
    for (const [index, bar] of timeline.bars.entries()) {
      const x = this.keys + (bar - frame.from) * frame.scale;
      if (x < this.keys - 40 || x > this.width) continue;
      context.fillStyle = theme.line;
      context.fillRect(Math.round(x), 0, 1, this.height);
      if (x - written < 56) continue;
      context.fillStyle = theme.ink;
      context.fillText(String(timeline.barNumber(index)), x + 4, 4);
      written = x;
    }
  }

  private drawNotes(frame: Frame, timeline: Timeline): void {
    const until = frame.from + (this.width - this.keys) / frame.scale;
    for (const note of timeline.between(frame.from - 0.5, until)) {
      const place = timeline.programs.indexOf(note.drum ? DRUMS : note.program);
      const { colour, hollow } = colourOf(place, this.theme.isDark);
      const sounds = note.onset <= frame.time && frame.time < note.end;
      if (sounds && !note.drum) frame.lit.set(note.pitch, colour);
      const loud = 0.55 + (0.4 * note.velocity) / 127;
      this.context.globalAlpha = sounds ? 1 : note.end <= frame.time ? 0.35 : loud;
      this.context.fillStyle = colour;
      this.context.strokeStyle = colour;
      if (note.drum) this.drawHit(frame, note);
      else this.drawNote(frame, note, hollow);
    }
    this.context.globalAlpha = 1;
  }

  private drawNote(frame: Frame, note: Shown, hollow: boolean): void {
    const { context } = this;
    const x = this.keys + (note.onset - frame.from) * frame.scale;
    const width = Math.max(2, (note.end - note.onset) * frame.scale - 1);
    const height = Math.max(2.5, frame.row - 1);
    const y = this.y(frame, note.pitch) + (frame.row - height) / 2;
    context.beginPath();
    context.roundRect(x, y, width, height, Math.min(3, height / 2, width / 2));
    if (hollow) context.stroke();
    else context.fill();
  }

  /** A drum has a moment and no length: a small diamond. */
  private drawHit(frame: Frame, note: Shown): void {
    const { context } = this;
    const x = this.keys + (note.onset - frame.from) * frame.scale;
    const y = this.y(frame, note.pitch) + frame.row / 2;
    const size = Math.min(5, Math.max(3, frame.row / 2));
    context.beginPath();
    context.moveTo(x - size, y);
    context.lineTo(x, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x, y + size);
    context.closePath();
    context.fill();
  }

  private drawNow(frame: Frame): void {
    this.context.fillStyle = this.theme.now;
    this.context.fillRect(Math.round(frame.nowX) - 0.5, 0, 1.5, this.height);
  }

  private drawKeys(frame: Frame): void {
    const { context, theme, keys } = this;
    context.fillStyle = theme.whiteKey;
    context.fillRect(0, 0, keys, this.height);
    const pitches = Array.from({ length: 128 }, (_, pitch) => pitch);
    const seen = pitches.filter((pitch) => pitch >= this.low - 1 && pitch <= this.high + 1);
    for (const pitch of seen) {
      const y = this.y(frame, pitch);
      const lit = frame.lit.get(pitch);
      const isBlack = isBlackKey(pitch);
      if (isBlack || lit) {
        context.fillStyle = lit ?? theme.blackKey;
        context.fillRect(0, y, isBlack ? keys * (keys < 40 ? 0.42 : 0.58) : keys, frame.row);
      }
      if (pitch % 12 === 0 || pitch % 12 === 5) {
        context.fillStyle = theme.line;
        context.fillRect(0, Math.round(y + frame.row) - 1, keys, 1);
      }
    }
    this.nameKeys(frame, seen);
    context.fillStyle = theme.line;
    context.fillRect(keys - 1, 0, 1, this.height);
  }

  private nameKeys(frame: Frame, pitches: number[]): void {
    const { context, theme, keys } = this;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const pitch of pitches.filter((each) => each % 12 === 0)) {
      const isMiddle = pitch === 60;
      context.font = `${isMiddle ? "600 " : ""}${keys < 40 ? 9 : 10}px system-ui, sans-serif`;
      context.fillStyle = frame.lit.has(pitch) ? theme.paper : theme.keyInk;
      context.fillText(pitchName(pitch), keys - 4, this.y(frame, pitch) + frame.row / 2);
    }
  }
}
