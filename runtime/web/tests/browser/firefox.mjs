/**
 * What a built page does in Firefox: the song of ugen-run, saved byte for byte, and its sound, from a
 * server and from disk. Firefox plays nothing on a machine without a sound card. As checks.mjs
 * otherwise.
 *
 *   node --experimental-websocket tests/browser/firefox.mjs FOLDER [PROGRAM]
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Firefox } from "./bidi.mjs";
import { PATIENCE, serve } from "./harness.mjs";

const [FOLDER, PROGRAM = "firefox-esr"] = process.argv.slice(2);

/** In the page: makes a song, and gives the bytes of its MIDI file, and the loudest of its sound. */
async function song(choices, patience) {
  const until = async (is) => {
    for (const end = Date.now() + patience; Date.now() < end; ) {
      if (is()) return;
      await new Promise((resume) => setTimeout(resume, 50));
    }
    throw new Error(`waited in vain: ${is}; the page says: ${find("[role=status]")?.textContent}`);
  };
  const find = (selector) => {
    return document.querySelector("ugen-player")?.shadowRoot?.querySelector(selector);
  };
  await until(() => find("details.settings")?.hidden === false);
  for (const [name, value] of Object.entries(choices)) {
    const field = find(`details.settings [name=${name}]`);
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  find("[data-does=play]").click();
  let saved;
  HTMLAnchorElement.prototype.click = function () {
    saved = this.href;
  };
  const file = async (does) => {
    const button = find(`[data-does=${does}]`);
    await until(() => !button.disabled);
    saved = undefined;
    button.click();
    await until(() => saved);
    return (await fetch(saved)).arrayBuffer();
  };
  const midi = Array.from(new Uint8Array(await file("midi")));
  const samples = new Int16Array(await file("wav"), 44);
  return { midi, seconds: samples.length / 2 / 44100, loudest: Math.max(...samples.slice(0, 1e5)) };
}

const server = await serve(FOLDER);
const firefox = await Firefox.launch(PROGRAM);
const pages = [`${server.url}site/`, pathToFileURL(join(FOLDER, "single.html")).href];
for (const url of pages) {
  const from = Date.now();
  let told;
  try {
    await firefox.open(url);
    const made = await firefox.run(song, { seed: "7", length: "15" }, PATIENCE);
    assert.deepEqual(Buffer.from(made.midi), readFileSync(join(FOLDER, "plain.mid")));
    assert.ok(made.seconds > 14 && made.seconds < 22, `${made.seconds} s of sound`);
    assert.ok(made.loudest > 1000, `no louder than ${made.loudest}`);
  } catch (error) {
    told = String(error.stack);
  }
  const name = `the song of ugen-run in Firefox, ${new URL(url).protocol}`;
  console.log(JSON.stringify({ name, ok: !told, told, ms: Date.now() - from }));
}
await firefox.close();
server.close();
process.exit();
