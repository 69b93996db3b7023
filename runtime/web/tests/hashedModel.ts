/** The models of the golden vectors (tests/web_vectors.py): logits that are a hash of the rows. */
import type { Engine } from "../src/core/inference/engine";
import { type Card, cardFromMetadata } from "../src/core/modelFile/card";

/** A model as vectors/songs.json has it. */
export interface StoredModel {
  metadata: Record<string, string>;
  bias: number[];
}

/** The card and the engine of such a model. */
export async function hashedModel(stored: StoredModel): Promise<{ card: Card; engine: Engine }> {
  const card = await cardFromMetadata(new Map(Object.entries(stored.metadata)));
  return { card, engine: hashedEngine(card, Float32Array.from(stored.bias)) };
}

function hashedEngine(card: Card, bias: Float32Array): Engine {
  return {
    async step(x, { h }) {
      const size = x.length / h.length;
      const logits = new Float32Array(h.length * bias.length);
      for (let stream = 0; stream < h.length; stream++) {
        const row = x.slice(stream * size, (stream + 1) * size);
        const added = card.codec.input === "token" ? 1 : 0;
        const fed = [...row].reduce((sum, id, n) => sum + (n + 1) * (id + added), 0);
        h[stream] = (31 * h[stream]! + fed) % 2 ** 20;
        bias.forEach((more, n) => {
          logits[stream * bias.length + n] = Math.fround(hash(h[stream]!, n) + more);
        });
      }
      return logits;
    },
    release: async () => {},
  };
}

/** From -2 up to 2, in 24 bits. */
function hash(h: number, n: number): number {
  let x = (Math.imul(h, 2654435761) + Math.imul(n, 40503)) >>> 0;
  x ^= x >>> 15;
  x = Math.imul(x, 2246822519);
  x ^= x >>> 13;
  return (x >>> 8) * 2 ** -22 - 2;
}
