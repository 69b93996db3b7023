/** What computes a model's steps. */
import type { Card } from "../modelFile/card";

/** Float32 numbers [layers, streams, hidden], which a step writes over. */
export interface State {
  readonly h: Float32Array;
  readonly c: Float32Array;
}

/** A model's steps. */
export interface Engine {
  /**
   * Feed each stream a step: a row of ids [streams, 1 + columns], or a frame [streams, 128]. Gives
   * the logits [streams, vocabulary], a new array, and writes over the state.
   */
  step(x: Int32Array | Float32Array, state: State): Promise<Float32Array>;
  /** Free its memory. */
  release(): Promise<void>;
}

/** The state a piece begins with. */
export function startState(card: Card, streams = 1): State {
  const size = card.layers * streams * card.hidden;
  return { h: new Float32Array(size), c: new Float32Array(size) };
}
