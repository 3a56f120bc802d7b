/**
 * How many buckets each shard is to have, so that the fewest have to move: its share by weight, rounded down or up, never above its
 * cap. Those whose share is rounded up are first of all shards that have more than the lower number now (a shard that may
 * keep one saves exactly one move), then those with the largest remainder (Hamilton's method); the first ones where that is equal.
 * What capped shards cannot have goes to the others; where all are capped, less than `total` is given.
 *
 * By place in `weights`; a weight of 0 is given nothing.
 */
export function quotas(
  total: number,
  weights: readonly number[],
  counts: readonly number[],
  caps: readonly number[],
): readonly number[] {
  const given = weights.map(() => 0);
  let open = weights.flatMap((weight, i) => (weight > 0 ? [i] : []));
  let left = total;
  while (open.length > 0) {
    const shares = sharesOf(left, open, weights, counts);
    const over = open.filter((i) => (shares.get(i) ?? 0) > (caps[i] ?? Infinity));
    const settled = over.length > 0 ? over : open;
    for (const i of settled) {
      given[i] = Math.min(shares.get(i) ?? 0, caps[i] ?? Infinity);
      left -= given[i] ?? 0;
    }
    open = over.length > 0 ? open.filter((i) => !over.includes(i)) : [];
  }
  return given;
}

/** A share this near to a whole number is one: weights are no exact numbers. */
const NEAR = 1e-9;

function sharesOf(
  total: number,
  open: readonly number[],
  weights: readonly number[],
  counts: readonly number[],
): ReadonlyMap<number, number> {
  const sum = open.reduce((all, i) => all + (weights[i] ?? 0), 0);
  const parts = open.map((i) => {
    const exact = (total * (weights[i] ?? 0)) / sum;
    const floor = Math.floor(exact + NEAR * Math.max(1, exact));
    const rest = Math.max(0, exact - floor);
    const hasRest = rest > NEAR * Math.max(1, exact);
    return { i, floor, rest, hasRest, hasMore: hasRest && (counts[i] ?? 0) > floor };
  });
  let extras = total - parts.reduce((all, { floor }) => all + floor, 0);
  const first = parts.toSorted(
    (a, b) =>
      Number(b.hasRest) - Number(a.hasRest) ||
      Number(b.hasMore) - Number(a.hasMore) ||
      differ(b.rest, a.rest) ||
      a.i - b.i,
  );
  return new Map(first.map(({ i, floor }) => [i, extras-- > 0 ? floor + 1 : floor]));
}

function differ(a: number, b: number): number {
  return Math.abs(a - b) < NEAR ? 0 : a - b;
}
