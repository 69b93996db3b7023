/** The entries of an ONNX file's metadata_props, found without reading its graph. */
import { ModelError } from "../errors";
import { isPrintable } from "../text";
import { MAX_BYTES, MAX_METADATA, PREFIX } from "./format";
import { Wire } from "./wireFormat";

// the fields of a file and of an entry, by number
const GRAPH = 7;
const METADATA_PROPS = 14;
const KEY = 1;
const VALUE = 2;
const MAX_NAME = 1000;

/** Our entries by key. Throws ModelError for bytes that are no ONNX file. */
export function readMetadata(data: Uint8Array): Map<string, string> {
  if (data.length > MAX_BYTES) throw new ModelError("too large for a model file");
  // an ONNX file begins with its IR version: the key of field 1, a number
  if (data[0] !== 8) throw new ModelError("not an ONNX file");
  const wire = new Wire(data);
  const file = wire.message([0, data.length], "the file");
  if (wire.one(file, GRAPH, "the graph") === null) {
    throw new ModelError("not an ONNX file, or cut short: it has no graph");
  }
  const spans = file.spans.get(METADATA_PROPS) ?? [];
  const size = spans.reduce((sum, [begin, end]) => sum + end - begin, 0);
  if (size > MAX_METADATA) {
    const most = `${MAX_METADATA >> 20} MiB are the most`;
    throw new ModelError(`${Math.floor(size / 2 ** 20)} MiB of metadata; ${most}`);
  }
  const metadata = new Map<string, string>();
  for (const span of spans) {
    const entry = wire.message(span, "a metadata entry");
    const named = wire.one(entry, KEY, "the key of a metadata entry") ?? [0, 0];
    const what = "key of a metadata entry";
    if (named[1] - named[0] > MAX_NAME) throw new ModelError(`${what} is longer than 1000 bytes`);
    const key = wire.text(named, what);
    if (!isPrintable(key)) throw new ModelError(`${what} cannot be printed`);
    if (metadata.has(key)) throw new ModelError(`the metadata entry ${key} is there twice`);
    const about = `the metadata entry ${key}`;
    const value = wire.one(entry, VALUE, about) ?? [0, 0];
    // the others are anybody's
    metadata.set(key, key.startsWith(PREFIX) ? wire.text(value, about) : "");
  }
  return metadata;
}
