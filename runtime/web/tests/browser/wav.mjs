/** What a 16-bit WAV file sounds like. */

/** Its left side, from -1 to 1. */
export function readWav(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = view.getUint16(22, true);
  const samples = new Float32Array((bytes.byteLength - 44) / 2 / channels);
  for (let n = 0; n < samples.length; n += 1) {
    samples[n] = view.getInt16(44 + 2 * channels * n, true) / 32768;
  }
  return { samples, rate: view.getUint32(24, true) };
}

/** How strong a MIDI pitch is in samples, its first overtone with it. */
export function energyAt(samples, pitch, rate) {
  const frequency = 440 * 2 ** ((pitch - 69) / 12);
  return goertzel(samples, frequency, rate) + goertzel(samples, 2 * frequency, rate);
}

function goertzel(samples, frequency, rate) {
  const step = 2 * Math.cos((2 * Math.PI * frequency) / rate);
  let [before, last] = [0, 0];
  for (const sample of samples) [before, last] = [last, sample + step * last - before];
  return before * before + last * last - step * before * last;
}
