import type { Proposal, ShardSpace } from "./planner-space.ts";
import { quotas } from "./quotas.ts";

/**
 * The fewest moves after which each shard has its share of the buckets (`quotas`). Draining shards give first, then the one that is
 * furthest above its number; the one that is furthest below takes. Of a shard it is the last bucket that goes, so that the
 * neighbours stay together and the map small.
 */
export function planByCount(space: ShardSpace): Proposal {
  const caps = space.shards.map(() => Infinity);
  for (;;) {
    const attempt = tryWith(space, caps);
    if (attempt.full === null) {
      const short = caps.flatMap((cap, i) => (cap < Infinity ? [i] : []));
      return { moves: attempt.moves, short, isComplete: short.length === 0 };
    }
    // That one has no room for more: the others get what it cannot take.
    caps[attempt.full.shard] = attempt.full.buckets;
  }
}

function tryWith(space: ShardSpace, caps: readonly number[]) {
  const { shards, weights, bytes, room } = space;
  const held = shards.map((_, i) => space.bucketsOf(i));
  const left = [...room];
  const targets = quotas(
    bytes.length,
    weights,
    held.map((buckets) => buckets.length),
    caps,
  );
  const over = (i: number) => (held[i]?.length ?? 0) - (targets[i] ?? 0);
  const places = shards.map((_, i) => i);
  const moves: { bucket: number; src: number; dst: number }[] = [];
  for (;;) {
    const givers = places
      .filter((i) => over(i) > 0)
      .sort((a, b) => Number(isDraining(b)) - Number(isDraining(a)) || over(b) - over(a) || a - b);
    const [dst] = places.filter((i) => over(i) < 0).sort((a, b) => over(a) - over(b) || a - b);
    if (givers.length === 0 || dst === undefined) return { moves, full: null };
    const fits = (bucket: number) => (bytes[bucket] ?? 0) <= (left[dst] ?? Infinity);
    const src = givers.find((i) => held[i]?.some(fits));
    if (src === undefined) return { moves, full: { shard: dst, buckets: held[dst]?.length ?? 0 } };
    const [bucket = 0] = held[src]?.splice(held[src].findLastIndex(fits), 1) ?? [];
    held[dst]?.push(bucket);
    left[dst] = (left[dst] ?? Infinity) - (bytes[bucket] ?? 0);
    moves.push({ bucket, src, dst });
  }

  function isDraining(i: number): boolean {
    return weights[i] === 0;
  }
}
