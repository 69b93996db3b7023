/** What a player is made of on the page. Knows no model and no sound. */
import { colourOf } from "./colours";
import style from "./player.css?inline";
import { programName } from "./programs";

const ICONS = {
  play: '<path d="M8 5.2v13.6a.8.8 0 0 0 1.2.7l11-6.8a.8.8 0 0 0 0-1.4l-11-6.8a.8.8 0 0 0-1.2.7z"/>',
  pause: '<rect x="6.5" y="5" width="4" height="14" rx="1.2"/><rect x="13.5" y="5" width="4" height="14" rx="1.2"/>',
};

function icon(name: keyof typeof ICONS): string {
  return `<svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">${ICONS[name]}</svg>`;
}

const PAGE = `
<section class="player" aria-labelledby="name">
  <header>
    <div>
      <h2 id="name"></h2>
      <p class="about-song"></p>
    </div>
    <button type="button" class="quiet" data-does="card" hidden>About</button>
  </header>
  <div class="stage">
    <canvas role="img" aria-label="Piano roll"></canvas>
    <div class="veil" hidden><p></p><progress max="1" hidden aria-label="Loading"></progress></div>
  </div>
  <ul class="legend" aria-label="Instruments" hidden></ul>
  <div class="seek">
    <span class="time">0:00</span>
    <input type="range" min="0" max="0" step="0.1" value="0" aria-label="Position">
    <span class="length">0:00</span>
  </div>
  <div class="transport">
    <button type="button" data-does="fresh" class="of-model">New song</button>
    <button type="button" data-does="play" class="play" aria-label="Play">${icon("play")}</button>
    <button type="button" data-does="branch" class="of-model">More like this</button>
  </div>
  <p class="status" role="status"></p>
  <details class="settings of-model">
    <summary>Settings</summary>
    <div class="form"></div>
    <p class="hint">They hold for the next new song.</p>
    <p class="primer" hidden><span></span>
      <label>Use it: <select name="use"></select></label>
      <label class="first"><input type="checkbox" name="first"> Play it first</label>
      <span class="bars" hidden>
        <label>From bar <input type="text" name="fromBar" inputmode="numeric" size="4"></label>
        <label>to <input type="text" name="toBar" inputmode="numeric" size="4"
          placeholder="end"></label></span>
      <button type="button" class="quiet" data-does="unprime">Remove</button></p>
  </details>
  <footer>
    <button type="button" class="quiet" data-does="midi">Save MIDI</button>
    <button type="button" class="quiet of-model" data-does="musicxml">Save MusicXML</button>
    <button type="button" class="quiet" data-does="wav">Save WAV</button>
    <button type="button" class="quiet of-model" data-does="link">Copy link</button>
    <button type="button" class="quiet" data-does="open">Open a file…</button>
    <button type="button" class="quiet" data-does="ports" hidden>MIDI ports…</button>
    <input type="file" multiple hidden accept=".onnx,.mid,.midi,.sf2,.sf3" tabindex="-1" aria-label="File">
  </footer>
  <p class="ports" hidden>
    <label>Play on <select data-port="out"></select></label>
    <label>Begin a song on <select data-port="in"></select></label>
    <button type="button" class="quiet" data-does="recorded" hidden>Continue what I played</button>
  </p>
  <dialog aria-labelledby="card-name"><div class="card" tabindex="-1"></div>
    <form method="dialog"><button class="quiet">Close</button></form></dialog>
</section>`;

export type Does =
  | "card"
  | "fresh"
  | "play"
  | "branch"
  | "unprime"
  | "midi"
  | "musicxml"
  | "wav"
  | "link"
  | "open"
  | "ports"
  | "recorded";

export class View {
  readonly canvas: HTMLCanvasElement;
  readonly stage: HTMLElement;
  readonly form: HTMLElement;
  readonly seek: HTMLInputElement;
  readonly file: HTMLInputElement;
  readonly dialog: HTMLDialogElement;
  private shownLegend = "";

  constructor(readonly root: ShadowRoot) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
    root.innerHTML = PAGE;
    this.canvas = this.get("canvas");
    this.stage = this.get(".stage");
    this.form = this.get(".form");
    this.seek = this.get(".seek input");
    this.file = this.get("input[type=file]");
    this.dialog = this.get("dialog");
  }

  get<E extends Element>(selector: string): E {
    return this.root.querySelector<E>(selector)!;
  }

  button(does: Does): HTMLButtonElement {
    return this.get(`[data-does=${does}]`);
  }

  on(does: Does, act: () => void): void {
    this.button(does).addEventListener("click", act);
  }

  /** What is shown only where a model is. */
  set hasModel(has: boolean) {
    for (const part of this.root.querySelectorAll<HTMLElement>(".of-model")) part.hidden = !has;
    this.get(".transport").classList.toggle("alone", !has);
  }

  set name(text: string) {
    this.get("#name").textContent = text;
  }

  set song(text: string) {
    this.get(".about-song").textContent = text;
  }

  set playing(is: boolean) {
    const button = this.button("play");
    const label = is ? "Pause" : "Play";
    if (button.getAttribute("aria-label") === label) return;
    button.setAttribute("aria-label", label);
    button.innerHTML = icon(is ? "pause" : "play");
  }

  /** A line for the user; a mistake is set off, and names settings instead of flags. */
  say(words: string, isMistake = false): void {
    const text = isMistake ? words.replace(/--(?=[a-z])/g, "") : words;
    const line = this.get<HTMLElement>(".status");
    if (line.textContent !== text) line.textContent = text;
    line.classList.toggle("mistake", isMistake);
  }

  /** Words over the roll, with a bar of progress: a fraction, or null for "some time". */
  veil(text: string | null, fraction?: number | null): void {
    const veil = this.get<HTMLElement>(".veil");
    veil.hidden = text === null;
    this.text(".veil p", text ?? "");
    const bar = veil.querySelector("progress")!;
    bar.hidden = fraction === undefined;
    if (fraction === null) bar.removeAttribute("value");
    else if (fraction !== undefined) bar.value = fraction;
  }

  times(now: string, spoken: string, second: number, length: number, isOpen: boolean): void {
    this.text(".time", now);
    this.text(".length", isOpen ? "…" : clock(length));
    if (this.seek.max !== String(length)) this.seek.max = String(length);
    if (this.root.activeElement !== this.seek || !this.seek.matches(":active")) {
      this.seek.value = String(second);
    }
    this.seek.setAttribute("aria-valuetext", spoken);
  }

  legend(programs: readonly number[], isDark: boolean): void {
    const key = `${programs.join()} ${isDark}`;
    if (key === this.shownLegend) return;
    this.shownLegend = key;
    const list = this.get<HTMLElement>(".legend");
    list.hidden = programs.length < 2;
    list.replaceChildren(...programs.map((program, index) => chip(program, index, isDark)));
  }

  private text(selector: string, text: string): void {
    const element = this.get(selector);
    if (element.textContent !== text) element.textContent = text;
  }
}

function chip(program: number, index: number, isDark: boolean): HTMLElement {
  const { colour, hollow } = colourOf(index, isDark);
  const item = document.createElement("li");
  const dot = document.createElement("i");
  dot.style.borderColor = colour;
  if (!hollow) dot.style.backgroundColor = colour;
  if (program === 128) dot.className = "drums";
  item.append(dot, programName(program));
  return item;
}

/** Seconds as m:ss. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds + 0.05));
  const two = (number: number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
