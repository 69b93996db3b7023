/** The errors a user can cause. Everything else is a bug in ugen. */
import { printable } from "./text";

const LONGEST = 1000; // characters of a reason: files can claim names and values of any length

/** What an error is about, besides its reason. */
export interface Subject {
  /** The setting at fault, by the name of its option, as in `--seconds`. */
  flag?: string;
  value?: unknown;
}

/** A mistake in what was asked or given, in one line: its subject, then the reason. */
export class UgenError extends Error {
  readonly reason: string;
  readonly flag: string | null;

  constructor(reason: string, subject: Subject = {}) {
    const short = reason.length <= LONGEST ? reason : `${reason.slice(0, LONGEST)}...`;
    const shown = subject.value === undefined ? "" : String(subject.value);
    const about = [subject.flag ?? "", shown].filter((part) => part).join(" ");
    super(printable(about ? `${about}: ${short}` : short));
    this.name = new.target.name;
    this.reason = short;
    this.flag = subject.flag ?? null;
  }
}

/** A model file that cannot be used. */
export class ModelError extends UgenError {}

/** Tokens, or a description of a codec, that make no sense. */
export class CodecError extends UgenError {}

/** A MIDI file that cannot be read. */
export class MidiError extends UgenError {
  constructor(reason: string, offset?: number) {
    super(offset === undefined ? reason : `${reason} (byte ${offset})`);
  }
}
