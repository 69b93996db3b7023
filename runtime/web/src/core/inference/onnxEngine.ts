/** onnxruntime's WebAssembly, one thread: the only place that knows it. */
import * as ort from "onnxruntime-web/wasm";
import { ModelError, UgenError } from "../errors";
import type { Card } from "../modelFile/card";
import { line } from "../text";
import type { Engine, State } from "./engine";

/** An engine of a file's bytes. `wasm`: of ort-wasm-simd-threaded.wasm; left out, it is fetched. */
export async function onnxEngine(
  card: Card,
  bytes: Uint8Array,
  wasm?: ArrayBuffer | Uint8Array,
): Promise<Engine> {
  // its four-bit products are 14 times slower than whole numbers here
  if (card.precision === "int4") {
    throw new ModelError("an int4 file is too slow in a browser: export it with --precision int8");
  }
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  ort.env.logLevel = "fatal"; // what is wrong is reported once, by us
  if (wasm) ort.env.wasm.wasmBinary = wasm;
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(bytes, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
      enableMemPattern: false,
      enableCpuMemArena: false,
    });
  } catch (error) {
    throw new ModelError(`onnxruntime cannot load it (${firstLine(error)})`);
  }
  return new OnnxEngine(card, session);
}

class OnnxEngine implements Engine {
  private readonly isFrame: boolean;
  private isReleased = false;

  constructor(
    private readonly card: Card,
    private readonly session: ort.InferenceSession,
  ) {
    this.isFrame = card.codec.input === "frame";
  }

  async step(x: Int32Array | Float32Array, { h, c }: State): Promise<Float32Array> {
    if (this.isReleased) throw new UgenError("the model was released");
    const { layers, hidden, codec, columns } = this.card;
    const streams = h.length / (layers * hidden);
    const shape = [layers, streams, hidden];
    const step = this.isFrame
      ? new ort.Tensor("float32", x as Float32Array, [streams, 1, codec.vocabulary])
      : new ort.Tensor("int64", BigInt64Array.from(x, BigInt), [streams, 1 + columns.length]);
    const found = await this.session.run({
      [this.isFrame ? "frame" : "step"]: step,
      h: new ort.Tensor("float32", h, shape),
      c: new ort.Tensor("float32", c, shape),
    });
    h.set(data(found, "h_out", h.length));
    c.set(data(found, "c_out", c.length));
    return data(found, "logits", streams * codec.vocabulary).slice();
  }

  async release(): Promise<void> {
    if (this.isReleased) return;
    this.isReleased = true;
    await this.session.release();
  }
}

/** The numbers of an output. */
function data(found: ort.InferenceSession.OnnxValueMapType, name: string, size: number) {
  const numbers = found[name]?.data;
  if (!(numbers instanceof Float32Array) || numbers.length !== size) {
    throw new ModelError(`${name} comes out as ${numbers?.length ?? "no"} numbers, not ${size}`);
  }
  return numbers;
}

/** What an exception says, in one line. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return line(text.trim().split("\n")[0] || "it does not say why");
}
