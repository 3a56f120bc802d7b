import { z } from "zod";
import type { BucketOwner } from "../keyspace.ts";

/**
 * The map as one value of the store: neighbours with the same owner and epoch are one run, `<shard>@<epoch>x<count>`, the
 * shard being its place in `shards` and `x1` being left out. 65,536 buckets of which no two neighbours are alike take about
 * half a megabyte; etcd takes one and a half in a request.
 */
export const mapSchema = z.object({ shards: z.array(z.string()), runs: z.string() });

const RUN = /^(\d+)@(\d+)(?:x(\d+))?$/;
const MOST_BUCKETS = 65_536;

export function encodeOwners(owners: readonly BucketOwner[]): z.infer<typeof mapSchema> {
  const places = new Map<string, number>();
  const runs: string[] = [];
  for (let from = 0; from < owners.length; ) {
    const owner = owners[from] as BucketOwner;
    let to = from + 1;
    while (to < owners.length && isSameOwner(owners[to], owner)) to++;
    const place = places.get(owner.shard) ?? places.size;
    places.set(owner.shard, place);
    runs.push(to - from === 1 ? `${place}@${owner.epoch}` : `${place}@${owner.epoch}x${to - from}`);
    from = to;
  }
  return { shards: [...places.keys()], runs: runs.join(" ") };
}

/** By bucket. Throws an Error that names the run that cannot be read. */
export function decodeOwners({ shards, runs }: z.infer<typeof mapSchema>): readonly BucketOwner[] {
  const owners: BucketOwner[] = [];
  for (const run of runs.split(" ")) {
    const [, place, epoch, count = "1"] = RUN.exec(run) ?? [];
    const shard = shards[Number(place)];
    if (shard === undefined || owners.length + Number(count) > MOST_BUCKETS) {
      throw new Error(`run ${JSON.stringify(run.slice(0, 40))} of the map`);
    }
    const owner: BucketOwner = { shard, epoch: Number(epoch) };
    for (let i = 0; i < Number(count); i++) owners.push(owner);
  }
  return owners;
}

export function isSameOwner(a: BucketOwner | undefined, b: BucketOwner): boolean {
  return a?.shard === b.shard && a.epoch === b.epoch;
}
