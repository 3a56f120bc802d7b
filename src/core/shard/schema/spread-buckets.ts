import type { BucketOwner, Shard } from "../keyspace.ts";

/**
 * Buckets for shards that are all empty: to each its share by weight (largest remainder), in ranges. One that drains gets none,
 * unless all do.
 */
export function spreadBuckets(shards: readonly Shard[], buckets: number): readonly BucketOwner[] {
  const active = shards.filter(({ state }) => state === "active");
  const takers = active.length > 0 ? active : shards;
  const total = takers.reduce((sum, { weight }) => sum + weight, 0);
  const quotas = takers.map(({ name, weight }) => {
    const quota = (buckets * weight) / total;
    return { name, whole: Math.floor(quota), rest: quota - Math.floor(quota) };
  });
  const left = buckets - quotas.reduce((sum, { whole }) => sum + whole, 0);
  const more = new Set(
    quotas
      .toSorted((a, b) => b.rest - a.rest)
      .slice(0, left)
      .map(({ name }) => name),
  );
  return quotas.flatMap(({ name, whole }) =>
    Array.from({ length: whole + (more.has(name) ? 1 : 0) }, () => ({ shard: name, epoch: 1 })),
  );
}
