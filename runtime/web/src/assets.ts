/**
 * What a page brings beside its own script: model, wasm, sounds, the scripts of workers.
 *
 * A site has them as files beside its script, the wasm gzipped, so that any host sends it small. A
 * single-file page has them inside, `<script type="application/gzip;base64" id="asset:NAME">` each:
 * `file://` lets a page fetch nothing.
 * Nothing else needs to know which of the two a page is.
 */

export type AssetName =
  | "model.onnx" // absent from a page without a model of its own
  | "song.json" // absent but from the page of one finished song
  | "ort.wasm" // absent where the page's own model does not need it
  | "sounds.sf3" // SoundFonts one after another
  | "worker.js" // src/page/worker.ts, a classic script
  | "licences.txt"; // of all that a page ships

const GZIPPED: readonly AssetName[] = ["ort.wasm"];
const OPTIONAL: readonly AssetName[] = ["model.onnx", "song.json", "ort.wasm"];
// known while a script runs first, and not later; there is no document in a test
const here = (globalThis.document?.currentScript as HTMLScriptElement | null | undefined)?.src;

/** Whether the page has one of this name: a site's `<meta name="ugen-assets">` says which. */
export function hasAsset(name: AssetName): boolean {
  if (inside(name) || !OPTIONAL.includes(name)) return true;
  if (name === "ort.wasm") return Boolean(here); // beside the script, or it isn't: who asks will see
  const names = document.querySelector<HTMLMetaElement>('meta[name="ugen-assets"]')?.content ?? "";
  return names.split(" ").includes(name);
}

/** The bytes of one of them; undefined if the page has none of this name. */
export async function assetBytes(
  name: AssetName,
  progress?: (loaded: number, total: number | undefined) => void,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const element = inside(name);
  if (element) return unpacked(bytesOf(element.textContent ?? ""));
  if (!hasAsset(name)) return undefined;
  const answer = await fetch(urlOf(name));
  if (!answer.ok || !answer.body) throw new Error(`${name} cannot be loaded (${answer.status})`);
  const total = Number(answer.headers.get("content-length")) || undefined;
  const bytes = await collected(answer.body, (loaded) => progress?.(loaded, total));
  return unpacked(bytes);
}

/** A URL for `new Worker`, a classic one. */
export async function assetUrl(name: AssetName): Promise<string> {
  if (!inside(name)) return urlOf(name);
  const bytes = await assetBytes(name);
  return URL.createObjectURL(new Blob([bytes ?? ""], { type: "text/javascript" }));
}

function inside(name: AssetName): HTMLElement | null {
  return document.getElementById(`asset:${name}`);
}

function urlOf(name: AssetName): string {
  const file = GZIPPED.includes(name) ? `${name}.gz` : name;
  return new URL(file, here || document.baseURI).href;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64.trim()), (letter) => letter.charCodeAt(0));
}

/** All of a stream. */
async function collected(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  progress: (loaded: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  const reader = stream.getReader(); // not every browser can loop over a stream
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value);
    progress((loaded += next.value.length));
  }
  const whole = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Gzipped bytes, unpacked; others as they are, for some hosts unpack what they send. */
async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
