/** A model's card, and the licences of what the page ships, as people read them. */
import { assetBytes } from "../assets";
import type { Card } from "../core";
import { keyName } from "./controls";
import type { Loaded } from "./maker";
import { programName } from "./programs";
import type { View } from "./view";

/** Opens the dialog with the card of a model, if there is one. */
export async function openCard(view: View, loaded?: Loaded): Promise<void> {
  const place = view.dialog.querySelector<HTMLElement>(".card")!;
  const bytes = await assetBytes("licences.txt").catch(() => undefined);
  place.replaceChildren(
    element("h2", loaded ? modelName(loaded.card) : "Licences", "card-name"),
    ...(loaded ? ofModel(loaded) : []),
    element("h3", "Licences of this page and its sounds"),
    element("pre", new TextDecoder().decode(bytes)),
  );
  view.dialog.showModal();
  place.scrollTop = 0;
}

export function modelName(card: Card): string {
  return card.arrangement === "piano" ? "Piano" : "Band";
}

function ofModel({ card, sha256 }: Loaded): HTMLElement[] {
  return [
    rows(facts(card, sha256)),
    element("h3", "Licence of the model, and of its training music"),
    element("pre", card.licence || "The file names none."),
  ];
}

function* facts(card: Card, sha256: string): Generator<[string, string]> {
  const layers = `${card.layers} ${card.layers === 1 ? "layer" : "layers"}`;
  yield ["Model", `LSTM, ${layers} of ${card.hidden}, ${card.precision} weights`];
  yield ["Codec", `${card.codec.name}, ${card.codec.vocabulary} tokens`];
  const corpus = objectOf(card.provenance["corpus"]);
  const pieces = numberOf(corpus["pieces"]);
  const hours = numberOf(corpus["seconds"]) / 3600;
  const length = hours >= 2 ? `${Math.round(hours)} hours` : `${Math.round(60 * hours)} minutes`;
  if (pieces > 0 && hours > 0) yield ["Learned from", `${pieces.toLocaleString("en")} pieces, ${length}`];
  const loss = numberOf(objectOf(card.provenance["held_out"])["nats_per_note"]);
  if (loss > 0) yield ["Held-out loss", `${loss.toFixed(2)} nats per note`];
  for (const wish of card.wishes) {
    const values = wish.values.filter((_, n) => (wish.counts[n] ?? 0) > 0);
    const named = wish.name === "key" ? values.map(keyName) : values;
    if (named.length) yield [`Knows ${wish.name}`, named.join(", ")];
  }
  if (card.arrangement === "band") {
    yield ["Instruments", card.programs.map(programName).join(", ")];
  }
  yield ["SHA-256", sha256];
}

function rows(facts: Iterable<[string, string]>): HTMLElement {
  const list = document.createElement("dl");
  for (const [name, text] of facts) list.append(element("dt", name), element("dd", text));
  return list;
}

function element(tag: string, text: string, id = ""): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  if (id) made.id = id;
  if (tag === "pre") made.tabIndex = 0; // it scrolls: keys must reach it
  return made;
}

// what a file says freely, if it is of the kind that is looked for

function objectOf(value: unknown): Record<string, unknown> {
  return value && typeof value === "object" ? (value as Record<string, unknown>) : {};
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : Number.NaN;
}
