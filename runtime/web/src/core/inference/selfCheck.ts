/** Whether this machine computes what the one computed that wrote a model file. */
import { ModelError } from "../errors";
import type { Card } from "../modelFile/card";
import { CHECK_STEPS, CHECK_TOLERANCE } from "../modelFile/format";
import { type Engine, startState } from "./engine";
import { firstLine } from "./onnxEngine";

/** A step of these ids, or of the first of them as a key. */
function stepOf(card: Card, ids: readonly number[], streams: number): Int32Array | Float32Array {
  const rows = new Array<readonly number[]>(streams).fill(ids);
  if (card.codec.input === "token") return Int32Array.from(rows.flat());
  const frames = new Float32Array(streams * card.codec.vocabulary);
  for (let n = 0; n < streams; n++) frames[n * card.codec.vocabulary + ids[0]!] = 1;
  return frames;
}

/** The logits after CHECK_STEPS steps from zeros, of rows whose ids are spread over each column. */
export async function checkLogits(card: Card, engine: Engine): Promise<Float32Array> {
  const sizes = [card.codec.vocabulary, ...card.columns.map((each) => each.size)];
  const state = startState(card);
  let logits: Float32Array = new Float32Array();
  for (let k = 0; k < CHECK_STEPS; k++) {
    const ids = sizes.map((size) => Math.floor((k * size) / CHECK_STEPS));
    logits = await engine.step(stepOf(card, ids, 1), state);
  }
  return logits;
}

/**
 * Take a step of two streams, fed the last id of each column, for a table of vectors may be too
 * short; and compare logits with those that the file keeps. Throws ModelError.
 */
export async function selfCheck(card: Card, engine: Engine): Promise<void> {
  const last = [card.codec.vocabulary - 1, ...card.columns.map((each) => each.size - 1)];
  const state = startState(card, 2);
  let logits: Float32Array;
  try {
    logits = await engine.step(stepOf(card, last, 2), state);
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw new ModelError(`it cannot take a step (${firstLine(error)})`);
  }
  if (![...logits, ...state.h, ...state.c].every(Number.isFinite)) {
    throw new ModelError("a step comes out with values that are not finite");
  }
  if (card.checkLogits === null) return;
  const found = await checkLogits(card, engine);
  const gap = card.checkLogits.reduce((most, wanted, n) => {
    const off = Math.abs(found[n]! - wanted) / Math.max(Math.abs(wanted), 1);
    return off <= most ? most : off; // NaN is more
  }, 0);
  if (!(gap <= CHECK_TOLERANCE[card.precision])) {
    const other = card.precision === "fp32" ? "another precision" : "--precision fp32";
    throw new ModelError(
      `logits differ by ${Number(gap.toPrecision(2))} from those kept in the file: this browser ` +
        `computes ${card.precision} wrongly (export with ${other}), or the file is damaged`,
    );
  }
}
