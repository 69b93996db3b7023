/** The controls of the music that songs are made from. */
import type { Card } from "../core";
import { GO_ON, type Primer, REWRITE, usesOf } from "./primer";
import type { View } from "./view";

export class Music {
  private given: Primer | undefined;
  private readonly place: HTMLElement;
  private readonly use: HTMLSelectElement;

  constructor(private readonly view: View) {
    this.place = view.get(".primer");
    this.use = this.field("use");
    this.use.addEventListener("change", () => {
      view.say(""); // that songs go on from it
      this.show();
    });
    view.on("unprime", () => this.take(undefined, ""));
  }

  /** What songs are made from, if anything. */
  get primer(): Primer | undefined {
    if (!this.given) return undefined;
    const keep = this.field<HTMLInputElement>("first").checked;
    const bars = [this.field("fromBar").value, this.field("toBar").value] as const;
    return { ...this.given, keep, use: this.use.value, bars };
  }

  /** Words for what else can be done with the music; none where nothing can. */
  get offer(): string {
    return this.use.options.length < 2 ? "" : "; Settings can keep a part of it instead";
  }

  /** Offer what a model can do. */
  begin(card: Card): void {
    const uses = usesOf(card);
    this.use.replaceChildren(...uses.map(([value, words]) => new Option(words, value)));
    this.use.parentElement!.hidden = uses.length < 2;
    this.take(undefined, "");
  }

  /** Go on from other music, or from none. `name`: of its file. */
  take(primer: Primer | undefined, name: string): void {
    this.given = primer;
    this.place.hidden = !primer;
    this.view.get(".primer span").textContent = `Music: ${name}`;
    this.use.value = GO_ON;
    this.field<HTMLInputElement>("first").checked = primer?.keep ?? false;
    this.show();
  }

  private show(): void {
    this.view.get<HTMLElement>(".first").hidden = this.use.value !== GO_ON;
    this.view.get<HTMLElement>(".bars").hidden = this.use.value !== REWRITE;
  }

  private field<F extends HTMLInputElement | HTMLSelectElement>(name: string): F {
    return this.view.get<F>(`.primer [name=${name}]`);
  }
}
