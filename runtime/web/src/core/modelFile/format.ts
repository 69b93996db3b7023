/** The constants of model file format 1. */

export const FORMAT = 1;
export const PREFIX = "ugen."; // of our entries in metadata_props
export const PRECISIONS = ["fp32", "fp16", "int8", "int4"] as const;
export type Precision = (typeof PRECISIONS)[number];

// a file's self-check: its steps, and how far a logit may be off, relative where it is over 1
export const CHECK_STEPS = 16;
export const CHECK_TOLERANCE: Record<Precision, number> = {
  fp32: 0.1,
  fp16: 0.1,
  int8: 0.2,
  int4: 0.2,
};

export const MAX_BYTES = 2 ** 31 - 1; // protobuf reads no more
export const MAX_STATE = 2 ** 26; // layers x hidden
export const MAX_METADATA = 16 << 20;
