/**
 * A song from a model file, by the npm package alone: no page, no sound.
 *
 *   node song.mjs model.onnx song.mid
 */
import { readFileSync, writeFileSync } from "node:fs";
import { generate, load } from "ugen-web";

const [file, output] = process.argv.slice(2);
const model = await load(readFileSync(file));
console.log(`${model.card.layers} x ${model.card.hidden} cells, ${model.card.precision}`);
const song = await generate(model, { seconds: 15, seed: 7n });
for (const note of song.notes.slice(0, 3)) {
  console.log(`${note.onset.toFixed(3)} s: pitch ${note.pitch}, velocity ${note.velocity}`);
}
writeFileSync(output, song.midi());
await model.release();
