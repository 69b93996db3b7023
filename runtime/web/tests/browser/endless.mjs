/**
 * What a site takes while it plays without end, in real time: JavaScript's heap in the page, and the
 * memory of its process, in which the workers are, too.
 *
 *   node tests/browser/endless.mjs SITE [MINUTES]
 */
import { readFileSync } from "node:fs";
import { launch, serve, Visit } from "./harness.mjs";
import { held } from "./lasting.mjs";

const [SITE, MINUTES = "11"] = process.argv.slice(2);

/** Megabytes that the largest renderer has for itself, and seconds of its processor time. */
async function processOf(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const found = processInfo.filter((each) => each.type === "renderer").map(({ id, cpuTime }) => {
    const memory = readFileSync(`/proc/${id}/smaps_rollup`, "utf-8");
    const own = /Private_Dirty:\s+(\d+)/.exec(memory)[1];
    return { megabytes: Number(own) / 1024, cpuTime };
  });
  return found.sort((a, b) => b.megabytes - a.megabytes)[0];
}

const server = await serve(SITE);
const browser = await launch();
const session = await browser.newBrowserCDPSession();
const visit = await (await Visit.of(browser, server.url)).ready();
await visit.set({ seed: "7", length: "endless" });
await visit.button("Play").click();
await visit.heard(1);
visit.page.setDefaultTimeout(300_000);
for (let minute = 1; minute <= Number(MINUTES); minute += 1) {
  await visit.heard(60 * minute);
  const { heap, nodes, listeners } = await held(visit);
  const { megabytes, cpuTime } = await processOf(session);
  const page = `heap ${heap.toFixed(2)} MB, ${nodes} elements, ${listeners} listeners`;
  console.log(`${minute} min: ${page}; process ${megabytes.toFixed(0)} MB, ${cpuTime.toFixed(0)} s`);
}
await browser.close();
server.close();
process.exit();
