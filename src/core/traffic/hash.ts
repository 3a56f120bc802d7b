/**
 * A 64-bit hash of text as two 32-bit halves. FNV-1a reads the UTF-8 bytes, twice with different bases and primes, and
 * MurmurHash3's finaliser spreads each half over all its bits. Fast, well spread, not for secrets. Values never change:
 * processes and versions must agree on where a key belongs.
 */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

const encoder = new TextEncoder();

export function hash64(text: string): Hash64 {
  const bytes = encoder.encode(text);
  // The FNV-1a 32-bit basis and prime, and for the other half another odd pair.
  let low = 0x811c9dc5;
  let high = 0x9e3779b9 ^ bytes.length;
  for (const byte of bytes) {
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x85ebca6b) ^ (high >>> 15);
  }
  return { high: mix32(high), low: mix32(low) };
}

/** MurmurHash3's 32-bit finaliser (Austin Appleby, public domain): every input bit changes each output bit by half. */
export function mix32(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** One number in (0, 1) of 53 bits from two hashes together. */
export function unitInterval(a: Hash64, b: Hash64): number {
  const low = mix32((a.low ^ Math.imul(b.low, 0x9e3779b1)) + b.high);
  const high = mix32((a.high ^ Math.imul(b.high, 0x85ebca77)) + low);
  return (high * 2 ** 21 + (low >>> 11) + 0.5) / 2 ** 53;
}
