import type { Candidate, Picker } from "./picker.ts";
import { take, weighted } from "./weights.ts";

/** Each pick by chance, in proportion to the weights. O(log n) a pick. */
export class RandomPicker<T extends Candidate> implements Picker<T> {
  readonly #random: () => number;
  #candidates: readonly T[] = [];
  /** Running sums of the weights. */
  #sums = new Float64Array();

  /** `random` returns [0, 1). */
  constructor(candidates: readonly T[], random: () => number) {
    this.#random = random;
    this.update(candidates);
  }

  pick(): T | null {
    const sums = this.#sums;
    const total = sums[sums.length - 1];
    if (total === undefined) return null;
    const point = this.#random() * total;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? 0) > point) high = middle;
      else low = middle + 1;
    }
    return this.#candidates[low] ?? null;
  }

  pickMany(count: number): readonly T[] {
    return take(count, () => this.pick());
  }

  update(candidates: readonly T[]): void {
    this.#candidates = weighted(candidates);
    let sum = 0;
    this.#sums = Float64Array.from(this.#candidates, (one) => {
      sum += one.weight;
      return sum;
    });
  }
}
