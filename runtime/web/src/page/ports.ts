/** The controls of MIDI ports. */
import { MidiIn, midiAccess, midiOf, MidiOut } from "./midi_ports";
import type { Player } from "./player";

export class Ports {
  private heard: MidiIn | undefined;

  /** `recorded`: gets what was played, as a MIDI file. */
  constructor(
    private readonly player: Player,
    private readonly recorded: (bytes: Uint8Array) => void,
  ) {
    const { view } = player;
    if (!("requestMIDIAccess" in navigator)) return;
    view.button("ports").hidden = false;
    view.on("ports", () => void this.open());
    view.on("recorded", () => {
      const notes = this.heard?.take() ?? [];
      if (notes.length) this.recorded(midiOf(notes));
    });
  }

  private async open(): Promise<void> {
    const { view } = this.player;
    const access = await midiAccess();
    if (!access) return view.say("The browser gives no access to MIDI ports.", true);
    view.get<HTMLElement>(".ports").hidden = false;
    view.button("ports").hidden = true;
    this.fill("out", "this page", [...access.outputs.values()], (port) => this.playOn(port));
    this.fill("in", "nothing", [...access.inputs.values()], (port) => this.listenTo(port));
  }

  private fill<P extends MIDIPort>(
    which: "in" | "out",
    none: string,
    ports: P[],
    choose: (port: P | undefined) => void,
  ): void {
    const field = this.player.view.get<HTMLSelectElement>(`[data-port=${which}]`);
    field.replaceChildren(new Option(none, ""));
    for (const port of ports) field.add(new Option(port.name ?? port.id, port.id));
    field.addEventListener("change", () => choose(ports.find((port) => port.id === field.value)));
  }

  private playOn(port: MIDIOutput | undefined): void {
    const { deck } = this.player;
    const moment = (second: number) => deck.sound.moment(second);
    deck.output = port && new MidiOut(port, () => deck.time, moment);
  }

  private listenTo(port: MIDIInput | undefined): void {
    const { deck, view } = this.player;
    this.heard?.close();
    this.heard = port && new MidiIn(port, (note) => deck.sound.strike(note));
    view.button("recorded").hidden = !port;
  }
}
