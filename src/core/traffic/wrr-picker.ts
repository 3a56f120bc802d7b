import type { Candidate, Picker } from "./picker.ts";
import { reduceWeights, take, weighted } from "./weights.ts";

/** Steps times candidates that finding the starting phase may cost. */
const PHASE_WORK = 1_000_000;

/**
 * Smooth weighted round robin, as in nginx (src/http/ngx_http_upstream_round_robin.c): every pick adds each
 * candidate's weight to its credit, takes the largest credit (the first of equals), and lowers that by the sum of
 * weights. Over one period (the sum of the gcd-reduced weights) each candidate is picked exactly weight times, spread
 * evenly: {5,1,1} gives `aabacaa`. O(n) a pick.
 */
export class WrrPicker<T extends Candidate> implements Picker<T> {
  #candidates: readonly T[] = [];
  #weights = new Float64Array();
  #credits = new Float64Array();
  #total = 0;
  readonly #phase: number;
  #begun = false;

  /** `phase`: where in the period to start, [0, 1). */
  constructor(candidates: readonly T[], phase: number) {
    this.#phase = phase;
    this.update(candidates);
  }

  pick(): T | null {
    const index = this.#step();
    return this.#candidates[index] ?? null;
  }

  pickMany(count: number): readonly T[] {
    return take(count, () => this.pick());
  }

  /**
   * Candidates that stay keep their place in the sequence: their credit, in proportion to the new sum of weights, so that
   * nobody is starved or favoured by more than one period of the new list. New ones start in the middle.
   */
  update(candidates: readonly T[]): void {
    const next = weighted(candidates);
    const weights = reduceWeights(next.map((one) => one.weight));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const old = new Map(this.#candidates.map((one, index) => [one.id, this.#credits[index] ?? 0]));
    const scale = this.#total > 0 ? total / this.#total : 0;
    const kept = next.map((one) => old.get(one.id)).filter((credit) => credit !== undefined);
    // The credits of those who left no longer cancel out with the rest: shift, so that the sum is 0 again.
    const shift = kept.length > 0 ? kept.reduce((sum, credit) => sum + credit, 0) / kept.length : 0;
    const credits = next.map((one) => {
      const credit = old.get(one.id);
      return credit === undefined ? 0 : (credit - shift) * scale;
    });
    this.#candidates = next;
    this.#weights = Float64Array.from(weights);
    this.#credits = Float64Array.from(credits);
    this.#total = total;
    if (!this.#begun && next.length > 0) {
      this.#begun = true;
      this.#start();
    }
  }

  #step(): number {
    const weights = this.#weights;
    const credits = this.#credits;
    const count = credits.length;
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < count; index += 1) {
      const credit = (credits[index] ?? 0) + (weights[index] ?? 0);
      credits[index] = credit;
      if (credit > most) {
        most = credit;
        best = index;
      }
    }
    if (best >= 0) credits[best] = most - this.#total;
    return best;
  }

  /**
   * Goes to the phase by taking steps. Where the period is too long for that, it is walked with weights made small, and
   * the credits found are scaled back: then the start is close to the phase, not exactly at it.
   */
  #start(): void {
    const limit = Math.max(1, Math.floor(PHASE_WORK / this.#weights.length));
    const weights = this.#weights;
    const total = this.#total;
    if (total > limit || !Number.isSafeInteger(total)) {
      this.#weights = weights.map((weight) => Math.max(1, Math.round((weight * limit) / total)));
      this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0);
    }
    for (let steps = Math.floor(this.#phase * this.#total); steps > 0; steps -= 1) this.#step();
    const scale = total / this.#total;
    if (this.#weights !== weights) this.#credits = this.#credits.map((credit) => credit * scale);
    this.#weights = weights;
    this.#total = total;
  }
}
