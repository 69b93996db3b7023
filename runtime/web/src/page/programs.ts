/** General MIDI's instruments by number, and the drums as 128. */

export const DRUMS = 128;

const NAMES = `Piano|Bright piano|Electric grand|Honky-tonk piano|Electric piano 1|Electric piano 2
|Harpsichord|Clavinet|Celesta|Glockenspiel|Music box|Vibraphone|Marimba|Xylophone|Tubular bells
|Dulcimer|Drawbar organ|Percussive organ|Rock organ|Church organ|Reed organ|Accordion|Harmonica
|Bandoneon|Nylon guitar|Steel guitar|Jazz guitar|Clean guitar|Muted guitar|Overdriven guitar
|Distorted guitar|Guitar harmonics|Acoustic bass|Fingered bass|Picked bass|Fretless bass|Slap bass 1
|Slap bass 2|Synth bass 1|Synth bass 2|Violin|Viola|Cello|Contrabass|Tremolo strings
|Pizzicato strings|Harp|Timpani|Strings|Slow strings|Synth strings 1|Synth strings 2|Choir|Voice
|Synth voice|Orchestra hit|Trumpet|Trombone|Tuba|Muted trumpet|French horn|Brass|Synth brass 1
|Synth brass 2|Soprano sax|Alto sax|Tenor sax|Baritone sax|Oboe|English horn|Bassoon|Clarinet
|Piccolo|Flute|Recorder|Pan flute|Bottle|Shakuhachi|Whistle|Ocarina|Square lead|Saw lead|Calliope
|Chiff lead|Charang|Voice lead|Fifths lead|Bass and lead|New age pad|Warm pad|Polysynth|Choir pad
|Bowed pad|Metallic pad|Halo pad|Sweep pad|Rain|Soundtrack|Crystal|Atmosphere|Brightness|Goblins
|Echoes|Sci-fi|Sitar|Banjo|Shamisen|Koto|Kalimba|Bagpipe|Fiddle|Shanai|Tinkle bell|Agogo
|Steel drums|Woodblock|Taiko|Melodic tom|Synth drum|Reverse cymbal|Fret noise|Breath noise|Seashore
|Bird|Telephone|Helicopter|Applause|Gunshot|Drums`
  .replaceAll("\n", "")
  .split("|");

export function programName(program: number): string {
  return NAMES[program] ?? `Instrument ${program}`;
}

const PITCHES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

/** As in C4, middle C. */
export function pitchName(pitch: number): string {
  return `${PITCHES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
}

export function isBlackKey(pitch: number): boolean {
  return [1, 3, 6, 8, 10].includes(pitch % 12);
}
