/**
 * What a built page does in Chromium. tests/test_web.py makes the folder, runs this, and asserts on
 * each line: `{"name", "ok", "told"}`.
 *
 *   node tests/browser/checks.mjs FOLDER
 *
 * FOLDER: site/, single.html and song.html as export-ugen and ugen-run write them; plain.mid, song-7.musicxml and
 * primed.mid as ugen-run makes them of seed 7 and 15 seconds; primer.mid; kept.mid with its melody,
 * and rewritten.mid without its second bar; roll.html, the page of a song that is always the same.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, serve, Visit } from "./harness.mjs";
import { fastAudio, held, longestTask } from "./lasting.mjs";
import { differing, isLike, showSecond, withoutWriting, writePicture } from "./roll.mjs";
import { energyAt, readWav } from "./wav.mjs";

const FOLDER = process.argv[2];
const ONLY = process.argv.slice(3);
const CHOICES = { seed: "7", length: "15" };
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

const file = (name) => join(FOLDER, name);
const expected = (name) => readFileSync(file(name));
const browser = await launch();
const server = await serve(FOLDER);
const site = `${server.url}site/`;

const checks = {
  async "loads, plays, draws and saves the song that ugen-run makes"() {
    const from = Date.now();
    const visit = await Visit.of(browser, site);
    await visit.ready();
    const loaded = Date.now() - from;
    await visit.set(CHOICES);
    const blank = await visit.drawn();
    await visit.button("Play").click();
    await visit.heard(0.1);
    const heard = Date.now() - from;
    await visit.heard(2);
    assert.ok((await visit.drawn()) > blank + 0.002, "notes are drawn");
    assert.deepEqual(await visit.saved("Save MIDI"), expected("plain.mid"));
    assert.deepEqual(await visit.saved("Save MusicXML"), expected("song-7.musicxml"));
    const elsewhere = visit.requests.filter((url) => !/^(blob:)?http:\/\/127\.0\.0\.1:/.test(url));
    assert.deepEqual(elsewhere, [], "nothing is fetched from anywhere else");
    assert.deepEqual(visit.complaints, []);
    await visit.close();
    return `ready after ${loaded} ms, heard after ${heard} ms`;
  },

  async "sounds as long as the song, and as its notes"() {
    const visit = await playing(site);
    const { samples, rate } = readWav(await visit.saved("Save WAV"));
    const seconds = samples.length / rate;
    assert.ok(seconds > 14 && seconds < 22, `${seconds} s`);
    const loudest = samples.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    assert.ok(loudest > 0.05 && loudest <= 1, `loudest ${loudest}`);
    const [{ pitch, onset }] = JSON.parse(expected("notes.json"));
    const at = samples.subarray(Math.round((onset + 0.03) * rate), Math.round((onset + 0.3) * rate));
    const beside = Math.max(energyAt(at, pitch - 1, rate), energyAt(at, pitch + 1, rate));
    assert.ok(energyAt(at, pitch, rate) > 3 * beside, "the first note has its pitch");
    await visit.close();
  },

  async "goes on from a primer as ugen-run does"() {
    const visit = await (await Visit.of(browser, site)).ready();
    await visit.page.locator("input[type=file]").setInputFiles(file("primer.mid"));
    await visit.page.getByText("goes on from primer.mid").first().waitFor();
    await visit.set(CHOICES);
    await visit.button("New song").click();
    await visit.heard();
    assert.deepEqual(await visit.saved("Save MIDI"), expected("primed.mid"));
    await visit.close();
  },

  async "keeps a part of a file as ugen-run does"() {
    const visit = await (await Visit.of(browser, site)).ready();
    await given(visit, "melody");
    await visit.button("New song").click();
    await visit.heard();
    assert.deepEqual(await visit.saved("Save MIDI"), expected("kept.mid"));
    await visit.set({ use: "rewrite" });
    await visit.button("New song").click();
    await visit.page.getByText("which bars").waitFor();
    await visit.set({ seed: "7", fromBar: "2", toBar: "2" });
    await visit.button("New song").click();
    await visit.heard();
    assert.deepEqual(await visit.saved("Save MIDI"), expected("rewritten.mid"));
    await visit.close();
  },

  async "says what is wrong with a bad file, and plays on"() {
    writeFileSync(file("bad.onnx"), "no model");
    const visit = await (await Visit.of(browser, site)).ready();
    await visit.page.locator("input[type=file]").setInputFiles(file("bad.onnx"));
    await visit.page.locator(".status.mistake").waitFor();
    assert.match(await visit.status(), /bad\.onnx: .{10,}/);
    await visit.button("Play").click();
    await visit.heard();
    await visit.close();
  },

  async "a link makes the same song"() {
    const visit = await Visit.of(browser, `${site}#seed=7&length=15`);
    await visit.ready();
    await visit.button("Play").click();
    await visit.heard();
    assert.deepEqual(await visit.saved("Save MIDI"), expected("plain.mid"));
    await visit.close();
  },

  async "makes two songs in a row"() {
    const visit = await playing(site, { length: "15" });
    const first = await visit.saved("Save MIDI");
    await visit.button("New song").click();
    await visit.heard(0.5);
    assert.notDeepEqual(await visit.saved("Save MIDI"), first);
    assert.deepEqual(visit.complaints, []);
    await visit.close();
  },

  async "fits 360 pixels"() {
    const visit = await Visit.of(browser, site, { viewport: { width: 360, height: 640 } });
    await visit.ready();
    await given(visit, "rewrite");
    const width = await visit.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `${width} pixels wide`);
    await visit.close();
  },

  async "is dark where the user wants it, and quiet"() {
    const wanted = { colorScheme: "dark", reducedMotion: "reduce" };
    const visit = await Visit.of(browser, site, wanted);
    await visit.ready();
    const ground = await visit.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const brightest = Math.max(...ground.match(/\d+/g).slice(0, 3).map(Number));
    assert.ok(brightest < 80, ground);
    await visit.close();
  },

  async "axe-core finds nothing"() {
    for (const colorScheme of ["light", "dark"]) {
      const visit = await Visit.of(browser, site, { bypassCSP: true, colorScheme });
      await visit.ready();
      await visit.set(CHOICES);
      await visit.button("Play").click();
      await visit.heard();
      await given(visit, "rewrite");
      await visit.page.addScriptTag({ path: AXE });
      const { violations } = await visit.page.evaluate(() => globalThis.axe.run());
      const told = violations.map((each) => `${each.id}: ${each.nodes[0].html}`);
      assert.deepEqual(told, [], colorScheme);
      await visit.close();
    }
  },

  async "works offline once loaded"() {
    const visit = await (await Visit.of(browser, site)).ready();
    await visit.page.evaluate(() => navigator.serviceWorker.ready);
    await visit.page.context().setOffline(true);
    server.close();
    await visit.page.reload();
    await visit.ready();
    await visit.button("Play").click();
    await visit.heard();
    await visit.close();
  },

  async "opens from disk as one file"() {
    const visit = await playing(pathToFileURL(file("single.html")).href);
    assert.deepEqual(await visit.saved("Save MIDI"), expected("plain.mid"));
    assert.deepEqual(visit.complaints, []);
    const fetched = visit.requests.filter((url) => !/^(file|blob|data):/.test(url));
    assert.deepEqual(fetched, []);
    await visit.close();
  },

  async "a finished song opens from disk, plays, and is saved as it was"() {
    const visit = await Visit.of(browser, pathToFileURL(file("song.html")).href);
    await visit.button("Play").click();
    await visit.heard();
    assert.ok((await visit.drawn()) > 0.002, "notes are drawn");
    assert.deepEqual(await visit.saved("Save MIDI"), expected("plain.mid"));
    assert.deepEqual(visit.complaints, []);
    await visit.close();
  },

  async "somebody's page has the player as an element"() {
    const visit = await Visit.of(browser, `${server.url}embed.html`);
    await visit.ready();
    await visit.set(CHOICES);
    await visit.button("Play").click();
    await visit.heard();
    assert.deepEqual(await visit.saved("Save MIDI"), expected("plain.mid"));
    await visit.close();
  },

  async "the roll looks as in its pictures"() {
    const url = pathToFileURL(file("roll.html")).href;
    const viewport = { width: 480, height: 640 };
    const told = [];
    for (const colorScheme of ["light", "dark"]) {
      const reducedMotion = colorScheme === "dark" ? "reduce" : "no-preference";
      const options = { viewport, colorScheme, reducedMotion };
      const visit = await Visit.of(browser, url, options, (page) => page.addInitScript(withoutWriting));
      await showSecond(visit, 3);
      if (process.env.UGEN_WRITE_PICTURES) await writePicture(visit, colorScheme);
      const fraction = await differing(visit, colorScheme);
      assert.ok(isLike(fraction), `${colorScheme}: ${fraction} of the pixels differ`);
      await showSecond(visit, 8);
      assert.ok(!isLike(await differing(visit, colorScheme)), "another second looks the same");
      await visit.close();
      told.push(fraction);
    }
    return `${told.join(" and ")} of the pixels differ`;
  },

  async "endless music takes no more memory"() {
    const visit = await Visit.of(browser, site, {}, (page) => page.addInitScript(fastAudio, 20));
    await visit.ready();
    await visit.set({ seed: "7", length: "endless" });
    await visit.button("Play").click();
    await visit.heard(60);
    const before = await held(visit);
    await visit.heard(180);
    const after = await held(visit);
    assert.ok(after.heap < before.heap + 1, `${before.heap} MB, then ${after.heap} MB`);
    assert.ok(after.nodes < before.nodes + 50, `${before.nodes} elements, then ${after.nodes}`);
    await visit.close();
    return `${before.heap.toFixed(2)} MB, ${after.heap.toFixed(2)} MB after two minutes more`;
  },

  async "songs one after the other leave nothing behind"() {
    const visit = await playing(site, { length: "15" }, 0.2);
    const songs = async (count) => {
      for (let n = 0; n < count; n += 1) {
        const before = await visit.page.locator(".about-song").innerText();
        await visit.button("New song").click();
        await visit.page.getByText(before, { exact: true }).waitFor({ state: "detached" });
        await visit.heard(0.2);
      }
      await visit.button("Pause").click(); // else what is scheduled has listeners, now more, now less
      return held(visit);
    };
    const before = await songs(2);
    const after = await songs(6);
    assert.ok(after.heap < before.heap + 0.5, `${before.heap} MB, then ${after.heap} MB`);
    assert.ok(after.listeners <= before.listeners + 2, "listeners stay");
    await visit.close();
    return `${before.heap.toFixed(2)} MB, ${after.heap.toFixed(2)} MB six songs later`;
  },

  async "no task keeps the main thread for 50 ms while a song plays"() {
    const visit = await playing(site, { seed: "7", length: "60" });
    const longest = await longestTask(browser, visit, () => visit.heard(5));
    assert.ok(longest > 0 && longest < 50, `${longest} ms`);
    await visit.close();
    return `${longest.toFixed(1)} ms of processor time at most`;
  },

  async "shows the licences of what it ships"() {
    const visit = await (await Visit.of(browser, site)).ready();
    await visit.button("About").click();
    const text = await visit.page.getByRole("dialog").innerText();
    assert.match(text, /onnxruntime|licence/i);
    await visit.close();
  },
};

/** Open a MIDI file, and choose what is done with it. */
async function given(visit, use) {
  await visit.page.locator("input[type=file]").setInputFiles(file("primer.mid"));
  await visit.page.getByText("can keep a part of it").waitFor();
  await visit.set({ ...CHOICES, use });
}

/** A page on which a song is heard. */
async function playing(url, choices = CHOICES, second = 1) {
  const visit = await (await Visit.of(browser, url)).ready();
  await visit.set(choices);
  await visit.button("Play").click();
  await visit.heard(second);
  return visit;
}

// offline last: it ends the server
const names = Object.keys(checks).sort((a, b) => a.includes("offline") - b.includes("offline"));
for (const name of names) {
  if (ONLY.length && !ONLY.some((part) => name.includes(part))) continue;
  const from = Date.now();
  try {
    const told = (await checks[name]()) ?? "";
    console.log(JSON.stringify({ name, ok: true, told, ms: Date.now() - from }));
  } catch (error) {
    console.log(JSON.stringify({ name, ok: false, told: String(error.stack), ms: Date.now() - from }));
  }
}
await browser.close();
server.close();
process.exit(); // connections that a browser kept open would keep it
