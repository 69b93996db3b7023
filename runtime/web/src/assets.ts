/**
 * What a page brings beside its own script: model, wasm, sounds, the scripts of workers.
 *
 * A site has them as files beside index.html. A single-file page has them inside, one element each,
 * `<script type="application/gzip;base64" id="asset:NAME">`: `file://` lets a page fetch nothing.
 * `<meta name="ugen-assets" content="NAMES">` says which there are. Nothing else needs to know which
 * of the two a page is.
 */

export type AssetName =
  | "model.onnx" // absent from a page without a model of its own
  | "song.json" // absent but from the page of one finished song
  | "ort.wasm"
  | "sounds.sf2"
  | "worker.js" // src/page/worker.ts, a classic script
  | "spessasynth_processor.js"; // the audio worklet

/** Whether the page has one of this name. */
export function hasAsset(name: AssetName): boolean {
  const names = document.querySelector<HTMLMetaElement>('meta[name="ugen-assets"]')?.content ?? "";
  return names.split(" ").includes(name);
}

/** The bytes of one of them; undefined if the page has none by this name. */
export async function assetBytes(
  name: AssetName,
  progress?: (loaded: number, total: number | undefined) => void,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const inside = document.getElementById(`asset:${name}`);
  if (inside) return unpacked(inside.textContent ?? "");
  if (!hasAsset(name)) return undefined;
  const answer = await fetch(name);
  if (!answer.ok || !answer.body) return undefined;
  const total = Number(answer.headers.get("content-length")) || undefined;
  let loaded = 0;
  const counted = answer.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        loaded += chunk.length;
        progress?.(loaded, total);
        controller.enqueue(chunk);
      },
    }),
  );
  return new Uint8Array(await new Response(counted as BodyInit).arrayBuffer());
}

/** A URL for `new Worker` (a classic one) and for `audioWorklet.addModule`. */
export async function assetUrl(name: AssetName): Promise<string> {
  if (!document.getElementById(`asset:${name}`)) return new URL(name, document.baseURI).href;
  const bytes = await assetBytes(name);
  return URL.createObjectURL(new Blob([bytes ?? ""], { type: "text/javascript" }));
}

/** Gzipped bytes in base64, unpacked. */
async function unpacked(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
