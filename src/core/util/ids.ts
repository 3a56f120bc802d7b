import { randomFillSync } from "node:crypto";

/** Asking the system for 16 random bytes costs as much as asking for 4096. */
const POOL_BYTES = 4096;

/** A source of random bytes that asks the system once for many. */
export class RandomPool {
  readonly #pool: Buffer = Buffer.alloc(POOL_BYTES);
  readonly #fill: (buffer: Buffer) => unknown;
  #used = POOL_BYTES;

  constructor(fill: (buffer: Buffer) => unknown = randomFillSync) {
    this.#fill = fill;
  }

  /** `size` bytes, given once; the caller may change them. */
  take(size: number): Buffer {
    if (this.#used + size > POOL_BYTES) {
      this.#fill(this.#pool);
      this.#used = 0;
    }
    const bytes = Buffer.from(this.#pool.subarray(this.#used, this.#used + size));
    this.#used += size;
    return bytes;
  }
}

const systemPool = new RandomPool();

/** As many random bytes as lower-case hex digits, two each. */
export function randomHex(bytes: number, pool: RandomPool = systemPool): string {
  return pool.take(bytes).toString("hex");
}

/** A new lease id: 16 hex digits, positive as an int64, first digit not 0, so that padded and unpadded forms agree. */
export function newLeaseId(pool: RandomPool = systemPool): string {
  const bytes = pool.take(8);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x10;
  return bytes.toString("hex");
}
