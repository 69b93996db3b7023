/** The page of one finished song: roll and sound, without a model. */
import { assetBytes } from "../assets";
import { Sound } from "../sound/sound";
import { openCard } from "./card_view";
import { save } from "./files";
import { Player } from "./player";
import { eventsOf, type FinishedSong } from "./finished_song";
import { startWorker } from "./workers";

/** `<ugen-song>`: plays the page's song.json. */
class UgenSong extends HTMLElement {
  player: Player | undefined;

  async connectedCallback(): Promise<void> {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const sound = new Sound(await startWorker("sound"));
    this.player = new Player(root, sound);
    const { view, deck } = this.player;
    view.hasModel = false;
    view.button("open").hidden = true;
    const bytes = await assetBytes("song.json");
    if (!bytes) return view.say("This page has no song.", true);
    const song = JSON.parse(new TextDecoder().decode(bytes)) as FinishedSong;
    view.name = song.name;
    view.song = song.about ?? "";
    deck.begin(song.meters.length > 0);
    deck.add(eventsOf(song));
    view.button("card").hidden = false;
    view.button("card").textContent = "Licences";
    view.on("card", () => void openCard(view));
    view.button("midi").hidden = !song.midi;
    view.on("midi", () => save(midiFile(song.midi ?? ""), `${song.name}.mid`));
    const sounds = await assetBytes("sounds.sf3");
    if (sounds) await sound.addBanks(sounds);
  }
}

function midiFile(base64: string): Blob {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: "audio/midi" });
}

customElements.define("ugen-song", UgenSong);

document.addEventListener("keydown", (event) => {
  if (event.key !== " " || event.target !== document.body) return;
  event.preventDefault();
  document.querySelector<UgenSong>("ugen-song")?.player?.toggle();
});
