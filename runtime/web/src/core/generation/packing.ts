/** Numbers as text, as a record holds them: base64 of their bytes, the lowest first. */
export function packed(numbers: Uint8Array | Uint16Array | Int32Array): string {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
