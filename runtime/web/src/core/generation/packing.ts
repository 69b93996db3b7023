/** Tokens as text, as a record holds them: base64 of a zlib stream (RFC 1950) of 16-bit words. */

const MOST = 0xffff; // bytes of a stored block (RFC 1951)

/** Whole numbers below 2 ** 16 as text. Stored, not compressed: readers take either. */
export function packed(words: readonly number[]): string {
  const data = new Uint8Array(Uint16Array.from(words).buffer);
  const bytes = [0x78, 0x01];
  for (let at = 0; at === 0 || at < data.length; at += MOST) {
    const block = data.subarray(at, at + MOST);
    const size = block.length;
    bytes.push(Number(at + MOST >= data.length), size & 255, size >> 8);
    bytes.push(~size & 255, (~size >> 8) & 255);
    for (const byte of block) bytes.push(byte);
  }
  let [low, high] = [1, 0];
  for (const byte of data) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  bytes.push(high >> 8, high & 255, low >> 8, low & 255);
  return btoa(bytes.map((byte) => String.fromCharCode(byte)).join(""));
}
