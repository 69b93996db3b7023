/**
 * Sigmoid and tanh as quotients of polynomials, after Eigen's: as processors compute them for
 * onnxruntime, to the last bit. There each product and the sum after it are rounded once. Here they
 * are exact in float64, and then rounded: the same but for one in 2 ** 29.
 */

const floats = (...numbers: number[]) => Float32Array.from(numbers);
// coefficients of powers of x * x, the highest first
const SIGMOID_P = floats(
  4.37031012579801e-11,
  1.15627324459942e-7,
  6.08574864600143e-5,
  8.51377133304701e-3,
  2.48287947061529e-1,
);
const SIGMOID_Q = floats(
  6.10247389755681e-13,
  5.76102136993427e-9,
  6.2910678501704e-6,
  1.70198817374094e-3,
  1.16817656904453e-1,
  9.93151921023180e-1,
);
const TANH_P = floats(
  -2.76076847742355e-16,
  2.00018790482477e-13,
  -8.60467152213735e-11,
  5.12229709037114e-8,
  1.48572235717979e-5,
  6.37261928875436e-4,
  4.89352455891786e-3,
);
const TANH_Q = floats(
  1.19825839466702e-6,
  1.18534705686654e-4,
  2.268434632439e-3,
  4.89352518554385e-3,
);

/**
 * Replace each x, cut to between -most and most, by x * P(x * x) / Q(x * x). One function for all of
 * them: what a function returns takes memory, which costs more than the arithmetic.
 */
function quotients(p: Float32Array, q: Float32Array, most: number, xs: Float32Array): void {
  for (let n = 0; n < xs.length; n++) {
    const x = Math.max(-most, Math.min(most, xs[n]!));
    const x2 = Math.fround(x * x);
    let above = p[0]!;
    for (let k = 1; k < p.length; k++) above = Math.fround(above * x2 + p[k]!);
    let below = q[0]!;
    for (let k = 1; k < q.length; k++) below = Math.fround(below * x2 + q[k]!);
    xs[n] = Math.fround(above * x) / below;
  }
}

/** Of each number, in its place. */
export function sigmoid(xs: Float32Array): void {
  quotients(SIGMOID_P, SIGMOID_Q, 18, xs);
  for (let n = 0; n < xs.length; n++) {
    xs[n] = Math.max(0, Math.min(1, Math.fround(xs[n]! + 0.5)));
  }
}

/** Of each number, in its place. */
export function tanh(xs: Float32Array): void {
  quotients(TANH_P, TANH_Q, 9, xs);
}
