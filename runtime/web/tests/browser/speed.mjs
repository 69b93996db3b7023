/**
 * How fast a site is in Chromium on this machine: from opening to the first sound, and what of it is
 * processor time.
 *
 *   node tests/browser/speed.mjs SITE [TIMES]
 */
import { loadavg } from "node:os";
import { launch, serve, Visit } from "./harness.mjs";

const [SITE, TIMES = "3"] = process.argv.slice(2);

/** Runs in the page before its scripts: presses Play, and notes when the first sample is heard. */
function listen() {
  const marks = (globalThis.marks = { heard: 0, steps: [] });
  const press = setInterval(() => {
    const player = document.querySelector("ugen-player");
    const button = player?.shadowRoot?.querySelector("[data-does=play]");
    if (!button) return;
    clearInterval(press);
    marks.pressed = performance.now();
    button.click();
  }, 4);
  const { start } = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (when = 0) {
    const { buffer, context } = this;
    const first = buffer.getChannelData(0).findIndex((each) => Math.abs(each) > 1e-4);
    if (!marks.heard && first >= 0) {
      const wait = Math.max(0, when - context.currentTime) + first / buffer.sampleRate;
      marks.heard = performance.now() + 1000 * wait;
    }
    return start.call(this, when);
  };
}

/** Seconds of processor time that all of a browser's processes took. */
async function processorTime(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.reduce((sum, each) => sum + each.cpuTime, 0);
}

async function visit(context, session, url) {
  const page = await context.newPage();
  await page.addInitScript(listen);
  const before = await processorTime(session);
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForFunction(() => globalThis.marks.heard > 0, null, { polling: 20 });
  const busy = (await processorTime(session)) - before;
  const marks = await page.evaluate(() => globalThis.marks);
  await page.evaluate(() => navigator.serviceWorker.ready); // the next visit is a warm one
  await page.close();
  return { heard: marks.heard / 1000, pressed: marks.pressed / 1000, busy };
}

const server = await serve(SITE);
for (let n = 0; n < Number(TIMES); n += 1) {
  const browser = await launch();
  const session = await browser.newBrowserCDPSession();
  const context = await browser.newContext();
  for (const kind of ["cold", "warm"]) {
    const { heard, pressed, busy } = await visit(context, session, server.url);
    const load = loadavg()[0].toFixed(1);
    const when = `first sound after ${heard.toFixed(2)} s, Play pressed after ${pressed.toFixed(2)}`;
    console.log(`${kind}: ${when}; ${busy.toFixed(2)} s of processor time, load ${load}`);
  }
  await browser.close();
}
server.close();
process.exit();
