/**
 * Sigmoid and tanh as quotients of polynomials, after Eigen's: as processors compute them for
 * onnxruntime, to the last bit. There each product and the sum after it are rounded once. Here they
 * are exact in float64, and then rounded: the same but for one in 2 ** 29.
 */

type Polynomial = readonly number[];

const floats = (...numbers: number[]): Polynomial => numbers.map(Math.fround);
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

function at(polynomial: Polynomial, x2: number): number {
  let sum = polynomial[0]!;
  for (let n = 1; n < polynomial.length; n++) sum = Math.fround(sum * x2 + polynomial[n]!);
  return sum;
}

/** x * P(x * x) / Q(x * x), of a float32 between -most and most. */
function quotient(p: Polynomial, q: Polynomial, most: number, value: number): number {
  const x = Math.max(-most, Math.min(most, value));
  const x2 = Math.fround(x * x);
  return Math.fround(Math.fround(at(p, x2) * x) / at(q, x2));
}

/** Of a float32, as a float32. */
export function sigmoid(value: number): number {
  const found = Math.fround(quotient(SIGMOID_P, SIGMOID_Q, 18, value) + 0.5);
  return Math.max(0, Math.min(1, found));
}

/** Of a float32, as a float32. */
export function tanh(value: number): number {
  return quotient(TANH_P, TANH_Q, 9, value);
}
