/** Numbers, times and names as text that is safe to show, written as Python writes them. */

// as Python's str.isprintable: no control, format, surrogate, private or unassigned characters, no
// separators but the space
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** A number of things, in the plural unless it is one. */
export function count(number: number, thing: string): string {
  return `${grouped(number)} ${thing}${number === 1 ? "" : "s"}`;
}

/** A whole number with commas. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Seconds as m:ss or h:mm:ss. */
export function clock(seconds: number): string {
  const whole = roundHalfEven(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** Text with U+FFFD in place of characters that could break a line or a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, "\ufffd");
}

/** Whether all characters of a text can be shown. */
export function isPrintable(text: string): boolean {
  return text.search(UNPRINTABLE) < 0;
}

/** A value from a file, cut to 200 characters that are safe in a one-line error. */
export function line(value: unknown): string {
  const whole = String(value);
  const text = whole.slice(0, 200).replace(UNPRINTABLE, " ");
  return whole.length <= 200 ? text : `${text}...`;
}

/** The nearest whole number, of two equally near the even one. */
export function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

/** A float as Python's repr writes it: 60.0, 1e-08, 1e+16. */
export function repr(value: number): string {
  const text = String(value);
  const [digits = "", exponent] = text.split("e");
  if (exponent !== undefined) {
    const sign = exponent.startsWith("-") ? "-" : "+";
    return `${digits}e${sign}${exponent.replace(/[+-]/, "").padStart(2, "0")}`;
  }
  const size = Math.abs(value);
  if (size >= 1e16 || (size > 0 && size < 1e-4)) return scientific(value);
  return text.includes(".") ? text : `${text}.0`;
}

/** The shortest digits of a number with an exponent, where JavaScript writes none. */
function scientific(value: number): string {
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const sign = exponent.startsWith("-") ? "-" : "+";
  return `${digits}e${sign}${exponent.replace(/[+-]/, "").padStart(2, "0")}`;
}

/** A number as Python's format `g` writes it: six digits, without zeros at the end. */
export function general(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const [digits = "", power = "0"] = value.toExponential(5).split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 6) {
    const sign = exponent < 0 ? "-" : "+";
    return `${String(Number(digits))}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return String(Number(value.toPrecision(6)));
}
