/** A model's card, and the licences of what the page ships, as people read them. */
import type { Card } from "../core";
import { keyName } from "./controls";
import { programName } from "./programs";

/** Fills an element. `licences`: of the page's own parts. */
export function showCard(place: HTMLElement, card: Card, sha256: string, licences: string): void {
  place.replaceChildren(
    element("h2", modelName(card), "card-name"),
    rows(facts(card, sha256)),
    element("h3", "Licence of the model, and of its training music"),
    element("pre", card.licence || "The file names none."),
    ...ofPage(licences),
  );
}

/** The same of a page without a model. */
export function showLicences(place: HTMLElement, licences: string): void {
  place.replaceChildren(element("h2", "Licences", "card-name"), ...ofPage(licences));
}

export function modelName(card: Card): string {
  return card.arrangement === "piano" ? "Piano" : "Band";
}

function ofPage(licences: string): HTMLElement[] {
  return [element("h3", "Licences of this page and its sounds"), element("pre", licences)];
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
