/** Samples as a WAV file: 16 bits, stereo. */

/** The header of such a file with so many frames. */
export function wavHeader(frames: number, rate: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44);
  const view = new DataView(bytes.buffer);
  const text = (at: number, word: string) => bytes.set(new TextEncoder().encode(word), at);
  text(0, "RIFF");
  view.setUint32(4, 36 + 4 * frames, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 2, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 4 * rate, true);
  view.setUint16(32, 4, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 4 * frames, true);
  return bytes;
}

/** Both sides as the file has them. */
export function wavFrames(left: Float32Array, right: Float32Array): Int16Array<ArrayBuffer> {
  const words = new Int16Array(2 * left.length);
  for (let n = 0; n < left.length; n += 1) {
    words[2 * n] = Math.round(32767 * left[n]!);
    words[2 * n + 1] = Math.round(32767 * right[n]!);
  }
  return words;
}
