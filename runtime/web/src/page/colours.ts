/**
 * Colours of instruments, after Okabe and Ito's, told apart by the colour-blind. Each has a contrast
 * of 3 at least to its background; the ninth instrument and those after are drawn hollow.
 */

const ON_LIGHT = ["#0072b2", "#c44e00", "#00805c", "#a8447f", "#9a6700", "#3f3b9b", "#7d2148", "#5d6670"];
const ON_DARK = ["#56b4e9", "#f0a830", "#34c79c", "#e693c4", "#f0e442", "#ff8f5a", "#a9a4ff", "#b8c0c8"];

export interface Colour {
  colour: string;
  hollow: boolean;
}

/** The colour of the nth instrument of a song. */
export function colourOf(index: number, isDark: boolean): Colour {
  const palette = isDark ? ON_DARK : ON_LIGHT;
  const place = Math.max(index, 0);
  return { colour: palette[place % palette.length]!, hollow: place >= palette.length };
}

/** What else the roll is drawn with. */
export interface Theme {
  isDark: boolean;
  paper: string;
  lane: string; // rows of black keys
  line: string; // bars
  octave: string; // between B and C
  ink: string;
  whiteKey: string;
  blackKey: string;
  keyInk: string;
  now: string;
}

const LIGHT: Theme = {
  isDark: false,
  paper: "#fffdf9",
  lane: "#f5f1ea",
  line: "#d9d2c5",
  octave: "#e9e3d8",
  ink: "#6b6458",
  whiteKey: "#ffffff",
  blackKey: "#3a3733",
  keyInk: "#5a544a",
  now: "#2b2824",
};

const DARK: Theme = {
  isDark: true,
  paper: "#17181b",
  lane: "#131417",
  line: "#34373d",
  octave: "#24262b",
  ink: "#9aa0a8",
  whiteKey: "#cfd2d6",
  blackKey: "#0c0d0f",
  keyInk: "#33363b",
  now: "#f2efe9",
};

export function themeOf(isDark: boolean): Theme {
  return isDark ? DARK : LIGHT;
}
