/**
 * How fast models make music in Chromium on this machine, by the npm package: tokens a second, and
 * seconds of music a second, by the clock and by processor time.
 *
 *   node tests/browser/rate.mjs MODEL...
 */
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { launch } from "./harness.mjs";

const PACKAGE = readFileSync(new URL("../../npm/ugen.js", import.meta.url));
const NONE = "export const env = {}, InferenceSession = {}, Tensor = {};"; // no onnxruntime
const PAGE = `<!doctype html><title>rate</title><script type="importmap">
{"imports": {"onnxruntime-web/wasm": "/none.js"}}</script>`;

/** In the page: tokens, seconds of music and seconds that it took. */
async function rate(seeds) {
  const { generate, load } = await import("/ugen.js");
  const model = await load(new Uint8Array(await (await fetch("/model.onnx")).arrayBuffer()));
  const settings = { seconds: 60, exact: true, guard: false };
  await generate(model, { ...settings, seconds: 5, seed: 0n }); // compiled
  const found = { tokens: 0, music: 0, seconds: 0 };
  for (let seed = 1; seed <= seeds; seed += 1) {
    const from = performance.now();
    const song = await generate(model, { ...settings, seed: BigInt(seed) });
    found.seconds += (performance.now() - from) / 1000;
    found.tokens += song.tokens.length;
    found.music += song.seconds;
  }
  return found;
}

const browser = await launch();
const session = await browser.newBrowserCDPSession();
const processorTime = async () => {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter((each) => each.type === "renderer");
  return renderers.reduce((sum, each) => sum + each.cpuTime, 0);
};
for (const file of process.argv.slice(2)) {
  const page = await browser.newPage();
  const files = { "/": PAGE, "/ugen.js": PACKAGE, "/none.js": NONE, "/model.onnx": readFileSync(file) };
  await page.route("**/*", (route) => {
    const { pathname } = new URL(route.request().url());
    const contentType = pathname === "/" ? "text/html" : "text/javascript";
    return route.fulfill({ body: files[pathname], contentType });
  });
  await page.goto("http://localhost/");
  const before = await processorTime();
  const { tokens, music, seconds } = await page.evaluate(rate, 4);
  const busy = (await processorTime()) - before;
  const by = (time) => `${(tokens / time).toFixed(0)} tokens and ${(music / time).toFixed(0)} s of music`;
  const load = loadavg()[0].toFixed(1);
  console.log(`${file}: a second of the clock ${by(seconds)} (load ${load}),`);
  console.log(`  a second of processor time, loading and compiling counted, ${by(busy)}`);
  await page.close();
}
await browser.close();
process.exit();
