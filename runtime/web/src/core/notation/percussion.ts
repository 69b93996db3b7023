/** The drum kit of General MIDI: names, and places on a staff. */

/** A drum, its place in a staff with a treble clef, and the head of its notes. */
export interface Drum {
  readonly name: string;
  readonly letter: string;
  readonly octave: number;
  readonly head: string;
}

const FIRST = 35;
// name, place, and the head where it isn't the normal one
const PLACED = [
  ...["Acoustic bass drum,E4", "Bass drum 1,F4", "Side stick,C5,x", "Acoustic snare,C5"],
  ...["Hand clap,C5,triangle", "Electric snare,C5,diamond", "Low floor tom,G4"],
  ...["Closed hi-hat,G5,x", "High floor tom,A4", "Pedal hi-hat,D4,x", "Low tom,B4"],
  ...["Open hi-hat,G5,circle-x", "Low-mid tom,D5", "Hi-mid tom,E5", "Crash cymbal 1,A5,x"],
  ...["High tom,F5", "Ride cymbal 1,F5,x", "Chinese cymbal,C6,x", "Ride bell,F5,diamond"],
  ...["Tambourine,B4,triangle", "Splash cymbal,B5,diamond", "Cowbell,E5,triangle"],
  ...["Crash cymbal 2,B5,x", "Vibraslap,A4,x", "Ride cymbal 2,D5,x"],
];
const OTHERS = [
  ...["Hi bongo", "Low bongo", "Mute hi conga", "Open hi conga", "Low conga", "High timbale"],
  ...["Low timbale", "High agogo", "Low agogo", "Cabasa", "Maracas", "Short whistle"],
  ...["Long whistle", "Short guiro", "Long guiro", "Claves", "Hi wood block", "Low wood block"],
  ...["Mute cuica", "Open cuica", "Mute triangle", "Open triangle"],
];

/** The drum of a key. */
export function drum(pitch: number): Drum {
  const placed = PLACED[pitch - FIRST];
  if (placed !== undefined) {
    const [name, place, head = "normal"] = placed.split(",") as [string, string, string?];
    return { name, letter: place[0]!, octave: Number(place[1]), head };
  }
  const name = OTHERS[pitch - FIRST - PLACED.length] ?? `Drum ${pitch}`;
  return { name, letter: "E", octave: 5, head: "diamond" };
}
