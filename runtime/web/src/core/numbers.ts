/** Small help with numbers, as Python and NumPy count. */

interface Numbers {
  readonly length: number;
  readonly [place: number]: number;
}

/** The first place of rising numbers that is not less than a value. */
export function bisectLeft(rising: Numbers, value: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first place of rising numbers that is more than a value. */
export function bisectRight(rising: Numbers, value: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is left of a division that rounds down: never below 0. */
export function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

/** The median, of an even count the mean of both in the middle. */
export function median(values: Iterable<number>): number {
  const rising = Float64Array.from(values).sort();
  const middle = rising.length >> 1;
  return rising.length % 2 ? rising[middle]! : (rising[middle - 1]! + rising[middle]!) / 2;
}

/** Compare by several keys, the first one first. */
export function byKeys<T>(...keys: ((item: T) => number)[]): (a: T, b: T) => number {
  return (a, b) => {
    for (const key of keys) {
      const difference = key(a) - key(b);
      if (difference) return difference;
    }
    return 0;
  };
}
