/** Several parts of the page that load at once, with one progress. */
import { type AssetName, assetBytes } from "../assets";

export type Bytes = Uint8Array<ArrayBuffer>;

export class Loading {
  private readonly parts = new Map<AssetName, { loaded: number; total: number }>();

  /** `progress`: gets what fraction is there; null while nobody knows. */
  constructor(private readonly progress: (fraction: number | null) => void) {}

  async asset(name: AssetName): Promise<Bytes> {
    const bytes = await assetBytes(name, (loaded, total) => {
      this.parts.set(name, { loaded, total: total ?? Number.NaN });
      this.tell();
    });
    if (!bytes) throw new Error(`this page lacks its ${name}`);
    return bytes;
  }

  /** onnxruntime's, where the page has it. */
  wasm(): Promise<Bytes> {
    return this.asset("ort.wasm").catch(() => {
      throw new Error(
        "this page came without onnxruntime, which such a model needs; " +
          "export-ugen --format web makes a page of it",
      );
    });
  }

  private tell(): void {
    let [loaded, total] = [0, 0];
    for (const part of this.parts.values()) {
      loaded += part.loaded;
      total += part.total;
    }
    this.progress(total > 0 ? Math.min(1, loaded / total) : null);
  }
}
