import type { Candidate } from "./picker.ts";

/** The candidates that can be picked at all: see `Candidate.weight`. */
export function weighted<T extends Candidate>(candidates: readonly T[]): readonly T[] {
  return candidates.filter((one) => one.weight > 0 && Number.isFinite(one.weight));
}

/** The weights divided by their greatest common divisor; as they are when any is not a safe integer. */
export function reduceWeights(weights: readonly number[]): readonly number[] {
  if (!weights.every((weight) => Number.isSafeInteger(weight))) return weights;
  const divisor = weights.reduce(gcd, 0);
  return divisor > 1 ? weights.map((weight) => weight / divisor) : weights;
}

function gcd(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** `count` results of `next`, fewer when it runs dry. */
export function take<T>(count: number, next: () => T | null): readonly T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const one = next();
    if (one === null) break;
    taken.push(one);
  }
  return taken;
}
