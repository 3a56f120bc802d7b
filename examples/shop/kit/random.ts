/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The names of so many tenants. */
export function tenantNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `tenant-${String(i + 1).padStart(4, "0")}`);
}

/** Gives the index of a tenant, the first ones far more often than the last: tenant i with a weight of 1 / (i + 1). */
export function skewed(count: number, random: () => number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += 1 / (i + 1);
    sums.push(sum);
  }
  return () => {
    const at = random() * sum;
    return Math.max(
      0,
      sums.findIndex((upTo) => at < upTo),
    );
  };
}
