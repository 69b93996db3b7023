/** SoundFonts: which instruments they bring, and what stands in for those they don't. */

export const DRUMS = 128; // the number of the drums among General MIDI's programs

/** The SoundFonts (RIFF files) that stand in some bytes one after another. */
export function splitBanks(bytes: Uint8Array): Uint8Array[] {
  const banks: Uint8Array[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const size = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(4, true) + 8;
    if (!isSoundFont(bytes.subarray(at)) || at + size > bytes.length) break;
    banks.push(bytes.subarray(at, at + size));
    at += size + (size % 2);
  }
  return banks;
}

/** Whether bytes begin as a SoundFont does. */
export function isSoundFont(bytes: Uint8Array): boolean {
  const text = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  return text(0) === "RIFF" && text(8) === "sfbk";
}

/**
 * The program to play a program with, of those there are: itself, else one of its family (eight of
 * General MIDI each), else the piano, else any. Undefined of drums where there are none.
 */
export function substitute(program: number, there: ReadonlySet<number>): number | undefined {
  if (there.has(program)) return program;
  if (program === DRUMS) return undefined;
  const melodic = [...there].filter((each) => each !== DRUMS).sort((a, b) => a - b);
  const family = melodic.find((each) => each >> 3 === program >> 3);
  return family ?? (there.has(0) ? 0 : melodic[0]);
}
