import { normalUpperTail } from "./normal.ts";
import { rankSumTail } from "./rank-sum-tail.ts";

/** Of larger products of the two sizes, p is approximated. */
const EXACT_UP_TO = 400;

export interface MannWhitney {
  /** In how many pairs the value of A is the larger one; a tie counts half. */
  readonly u: number;
  /** Two-sided. */
  readonly p: number;
}

/**
 * Do the values of A tend to be larger or smaller than those of B? Mann and Whitney, "On a test of whether one of two random variables
 * is stochastically larger than the other", Annals of Mathematical Statistics 18 (1947). p is exact up to 400 pairs (20 values a side),
 * given the ties that there are; beyond, it is the normal approximation corrected for ties and continuity (Hollander, Wolfe and
 * Chicken, "Nonparametric Statistical Methods", 4.1). p is 1 when a side is empty or all values are equal. Infinity is a value as any
 * other; NaN is a RangeError.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): MannWhitney {
  if ([...a, ...b].some(Number.isNaN)) throw new RangeError("a value to rank is not a number");
  const [n, m] = [a.length, b.length];
  const { ranks, ties } = doubledMidranks([...a, ...b]);
  const sum = ranks.slice(0, n).reduce((total, rank) => total + rank, 0);
  const u = (sum - n * (n + 1)) / 2;
  if (n * m <= EXACT_UP_TO) {
    const other = ranks.reduce((total, rank) => total + rank, 0) - sum;
    // The smaller side is chosen from all: less to count, and the same distances.
    return { u, p: n <= m ? rankSumTail(ranks, n, sum) : rankSumTail(ranks, m, other) };
  }
  return { u, p: approximateP(u, n, m, ties) };
}

/** The smallest p that n values of one side and m of the other can give: when every value of one is above all of the other. */
export function smallestP(n: number, m: number): number {
  if (n === 0 || m === 0) return 1;
  if (n * m > EXACT_UP_TO) return approximateP(0, n, m, []);
  let choices = 1;
  for (let taken = 1; taken <= Math.min(n, m); taken += 1) {
    choices = (choices * (Math.max(n, m) + taken)) / taken;
  }
  return Math.min(1, 2 / choices);
}

/** How many values a side are needed at least for a p below alpha. */
export function fewestRuns(alpha: number): number {
  let n = 1;
  // It falls below any alpha above 0: by about 4 times with each step.
  while (alpha > 0 && smallestP(n, n) >= alpha) n += 1;
  return alpha > 0 ? n : Number.POSITIVE_INFINITY;
}

/** `ties`: the sizes of groups of equal values. */
function approximateP(u: number, n: number, m: number, ties: readonly number[]): number {
  const total = n + m;
  const tied = ties.reduce((sum, size) => sum + (size ** 3 - size), 0);
  const variance = ((n * m) / 12) * (total + 1 - tied / (total * (total - 1)));
  if (variance <= 0) return 1;
  const distance = Math.max(0, Math.abs(u - (n * m) / 2) - 0.5);
  return Math.min(1, 2 * normalUpperTail(distance / Math.sqrt(variance)));
}

/** Twice the rank of each value, from 1 up, so that the mean rank of equal values is whole. */
function doubledMidranks(values: readonly number[]): {
  readonly ranks: readonly number[];
  readonly ties: readonly number[];
} {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const rankOf = new Map<number, number>();
  let below = 0;
  for (const [value, count] of [...counts].toSorted(([x], [y]) => (x < y ? -1 : 1))) {
    rankOf.set(value, 2 * below + count + 1);
    below += count;
  }
  return { ranks: values.map((value) => rankOf.get(value) ?? 0), ties: [...counts.values()] };
}
