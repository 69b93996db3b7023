/** The form of settings, made from a model's card. */
import type { Known } from "../core";
import { type ChoiceName, type Choices, ENDLESS } from "./choices";
import type { Loaded } from "./maker";
import { DRUMS, programName } from "./programs";

const LENGTHS: [string, string][] = [
  ["15", "15 seconds"],
  ["30", "30 seconds"],
  ["60", "1 minute"],
  ["120", "2 minutes"],
  ["300", "5 minutes"],
  [ENDLESS, "Endless"],
];
const LEFT_TO_MODEL: [string, string] = ["", "as it comes"];
const WISH_LABELS: Record<string, string> = {
  key: "Key",
  density: "How many notes",
  polyphony: "Notes at once",
  meter: "Meter",
  label: "Style",
};

/** Reads and writes the controls of one model. */
export class Controls {
  private readonly fields = new Map<ChoiceName, HTMLInputElement | HTMLSelectElement>();
  private instruments: HTMLInputElement[] = [];

  constructor(
    private readonly form: HTMLElement,
    loaded: Loaded,
  ) {
    form.replaceChildren();
    this.select("length", "Length", LENGTHS, "60");
    for (const wish of loaded.card.wishes) this.wish(wish);
    if (loaded.card.codec.hasBars) {
      this.number("tempo", "Tempo", { placeholder: "as it comes" });
    }
    if (loaded.card.knowsChords) this.text("chords", "Chords", "Am | F | C G | Am");
    this.range("temperature", "Temperature", loaded.settings.temperature);
    this.number("seed", "Seed", { placeholder: "drawn" });
    this.band(loaded.card.programs);
  }

  get choices(): Choices {
    const choices: Choices = {};
    for (const [name, field] of this.fields) {
      if (field.value.trim()) choices[name] = field.value.trim();
    }
    const chosen = this.instruments.filter((box) => box.checked).map((box) => box.value);
    if (chosen.length) choices.instruments = chosen.join(",");
    return choices;
  }

  set choices(choices: Choices) {
    for (const [name, field] of this.fields) this.put(field, choices[name] ?? "");
    const chosen = new Set((choices.instruments ?? "").split(","));
    for (const box of this.instruments) box.checked = chosen.has(box.value);
  }

  set seed(seed: string) {
    this.fields.get("seed")!.value = seed;
  }

  private put(field: HTMLInputElement | HTMLSelectElement, value: string): void {
    const usual = field.dataset["usual"] ?? "";
    if (field instanceof HTMLSelectElement && field.name === "length" && Number(value) > 0) {
      const isThere = [...field.options].some((option) => option.value === value);
      if (!isThere) field.add(new Option(`${Number(value)} seconds`, value));
    }
    field.value = value || usual;
    if (field instanceof HTMLSelectElement && field.selectedIndex < 0) field.value = usual;
    field.dispatchEvent(new Event("input"));
  }

  private wish(wish: Known): void {
    const label = WISH_LABELS[wish.name];
    if (!label) return; // the tempo has its own
    const isKey = wish.name === "key";
    const values = wish.values.filter((_, n) => isKey || (wish.counts[n] ?? 0) > 0);
    const options = values.map((value): [string, string] => [value, isKey ? keyName(value) : value]);
    this.select(wish.name as ChoiceName, label, [LEFT_TO_MODEL, ...options], "");
  }

  private select(name: ChoiceName, label: string, values: [string, string][], usual: string): void {
    const field = document.createElement("select");
    for (const [value, text] of values) field.add(new Option(text, value));
    this.add(name, label, field, usual);
  }

  private number(name: ChoiceName, label: string, is: { placeholder: string }): void {
    const field = Object.assign(document.createElement("input"), { type: "text", ...is });
    field.inputMode = "numeric";
    field.autocomplete = "off";
    field.maxLength = 20;
    this.add(name, label, field, "");
  }

  private text(name: ChoiceName, label: string, placeholder: string): void {
    const field = Object.assign(document.createElement("input"), { type: "text", placeholder });
    field.maxLength = 2000;
    this.add(name, label, field, "");
  }

  private range(name: ChoiceName, label: string, usual: number): void {
    const field = document.createElement("input");
    Object.assign(field, { type: "range", min: "0.5", max: "1.5", step: "0.05" });
    const shown = document.createElement("output");
    field.addEventListener("input", () => {
      shown.textContent = Number(field.value).toFixed(2);
    });
    this.add(name, label, field, String(usual), shown);
    field.title = "Cooler repeats more, hotter wanders";
  }

  private add(
    name: ChoiceName,
    label: string,
    field: HTMLInputElement | HTMLSelectElement,
    usual: string,
    shown?: HTMLElement,
  ): void {
    const row = document.createElement("label");
    const text = document.createElement("span");
    text.textContent = label;
    if (shown) text.append(" ", shown);
    row.append(text, field);
    field.name = name;
    field.dataset["usual"] = usual;
    field.value = usual;
    field.dispatchEvent(new Event("input"));
    this.fields.set(name, field);
    this.form.append(row);
  }

  /** The instruments of a band, to be ticked. */
  private band(programs: readonly number[]): void {
    if (programs.length < 2) return;
    if (programs.includes(DRUMS)) this.select("drums", "Drums", [LEFT_TO_MODEL, ["no", "none"]], "");
    const group = document.createElement("fieldset");
    group.innerHTML = "<legend>Instruments <small>none ticked: as it comes</small></legend>";
    const sorted = [...programs].sort((a, b) => a - b);
    for (const program of sorted) {
      const box = Object.assign(document.createElement("input"), { type: "checkbox" });
      box.value = String(program);
      const row = document.createElement("label");
      row.append(box, programName(program));
      this.instruments.push(box);
      group.append(row);
    }
    this.form.append(group);
  }
}

/** As in D minor. */
export function keyName(key: string): string {
  const isMinor = key.endsWith("m");
  const tonic = (isMinor ? key.slice(0, -1) : key).replace("#", "♯").replace(/b$/, "♭");
  return `${tonic} ${isMinor ? "minor" : "major"}`;
}
