"""Samples that play inside a page: notes as data, and a script that makes sound of them."""

from __future__ import annotations

import json

from ugen.data import Score
from ugen.data.html_page import escaped
from ugen.data.render.roll_rows import ACROSS, LEFT
from ugen.data.render.shapes import WIDE

MARK = "data-notes"  # the attribute of what can be played
STYLE = """
.roll { position: relative; min-width: 60rem; cursor: pointer; }
.head { position: absolute; top: 0; bottom: 0; width: 2px; background: var(--alarm); }
button { font: inherit; font-size: .85rem; color: var(--ink); background: var(--card);
  border: 1px solid var(--soft); border-radius: .4rem; padding: .3rem .8rem; margin-right: .6rem; }
figcaption a { color: inherit; }
"""

# a plucked tone for pitches, noise for drums, and a low thump for the kick
SCRIPT = """
"use strict";
let audio, out, noise, timer, stop = () => {};
function setUp() {
  audio = new AudioContext();
  out = audio.createDynamicsCompressor();
  out.connect(audio.destination);
  noise = audio.createBuffer(1, audio.sampleRate, audio.sampleRate);
  noise.getChannelData(0).forEach((_, i, all) => { all[i] = Math.random() * 2 - 1; });
}
function sound([, length, pitch, velocity, drum], at) {
  const isKick = drum && pitch < 37, isNoise = drum && !isKick;
  const source = isNoise ? audio.createBufferSource() : audio.createOscillator();
  const gain = audio.createGain(), end = at + (drum ? 0.15 : length);
  if (isNoise) source.buffer = noise;
  else {
    source.type = "triangle";
    source.frequency.setValueAtTime(isKick ? 120 : 440 * 2 ** ((pitch - 69) / 12), at);
    if (isKick) source.frequency.exponentialRampToValueAtTime(40, end);
  }
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime((velocity / 127) ** 2 * (isNoise ? 0.15 : 0.35), at + 0.005);
  gain.gain.setTargetAtTime(0, at + 0.005, isNoise ? 0.04 : 0.6);
  gain.gain.setTargetAtTime(0, end, 0.06);
  source.connect(gain).connect(out);
  source.start(at);
  source.stop(end + 0.5);
}
function play(figure, from) {
  stop();
  if (!audio) setUp();
  audio.resume();
  const notes = JSON.parse(figure.dataset.notes), { left, across, seconds } = figure.dataset;
  const button = figure.querySelector("button"), head = figure.querySelector(".head");
  const start = audio.currentTime + 0.1 - from, last = Math.max(...notes.map(n => n[0] + n[1]));
  let next = notes.findIndex(n => n[0] >= from), mine = out;
  stop = () => {
    clearInterval(timer);
    mine.disconnect();  // what has been scheduled falls silent
    out = audio.createDynamicsCompressor();
    out.connect(audio.destination);
    button.textContent = "Play";
    head.hidden = true;
    stop = () => {};
  };
  button.textContent = "Stop";
  head.hidden = false;
  timer = setInterval(() => {
    const now = audio.currentTime - start;
    head.style.left = `${+left + now / seconds * across}%`;
    for (; next >= 0 && next < notes.length && notes[next][0] < now + 0.5; next++)
      sound(notes[next], Math.max(start + notes[next][0], audio.currentTime));
    if (now > last + 0.5) stop();
  }, 30);
}
for (const figure of document.querySelectorAll("figure[data-notes]")) {
  const button = figure.querySelector("button"), { left, across, seconds } = figure.dataset;
  button.hidden = false;
  button.onclick = () => button.textContent === "Stop" ? stop() : play(figure, 0);
  figure.querySelector(".roll").onclick = event => {
    const wide = event.currentTarget.getBoundingClientRect();
    const place = (event.clientX - wide.left) / wide.width * 100;
    play(figure, Math.max((place - left) / across * seconds, 0));
  };
}
"""


def figure(score: Score, picture: str, caption: str, link: str, seconds: float) -> str:
    """A sample. `picture`: the address of its piano roll, which is one row of `seconds`; `link`:
    that of its MIDI file."""
    onsets, ends = (score.seconds_at(score.notes[name]).round(3) for name in ("onset", "end"))
    notes = [
        [onset, round(end - onset, 3), *map(int, (note["pitch"], note["velocity"], note["drum"]))]
        for note, onset, end in zip(score.notes, onsets.tolist(), ends.tolist(), strict=True)
    ]
    data = escaped(json.dumps(notes, separators=(",", ":")))
    return (
        f'<figure {MARK}="{data}" data-left="{100 * LEFT / WIDE:.3f}" '
        f'data-across="{100 * ACROSS / WIDE:.3f}" data-seconds="{seconds:g}">'
        f'<figcaption><button hidden type="button">Play</button>{escaped(caption)}, '
        f'<a href="{escaped(link)}" download>MIDI</a></figcaption><div class="scroll">'
        f'<div class="roll"><img alt="piano roll {escaped(caption)}" src="{picture}">'
        '<div class="head" hidden></div></div></div></figure>'
    )
