import type { ProposedMove, ShardSpace } from "./planner-space.ts";

/** What each shard has while moves are tried: its own buckets, and guests that came in the same plan, by size. */
export class ByteLoads {
  readonly #space: ShardSpace;
  readonly #home: number[][];
  readonly #guests: number[][];
  readonly #used: number[];
  readonly #counts: number[];
  readonly #room: number[];

  constructor(space: ShardSpace) {
    this.#space = space;
    this.#home = space.shards.map((_, i) => space.bucketsOf(i).sort((a, b) => this.#order(a, b)));
    this.#guests = space.shards.map(() => []);
    this.#used = this.#home.map((buckets) => buckets.reduce((sum, bucket) => sum + this.#size(bucket), 0));
    this.#counts = this.#home.map((buckets) => buckets.length);
    this.#room = [...space.room];
  }

  all(shard: number): readonly number[] {
    return [...(this.#home[shard] ?? []), ...(this.#guests[shard] ?? [])];
  }

  bytes(shard: number): number {
    return this.#used[shard] ?? 0;
  }

  /** Bytes by weight. A function of what is there and of nothing else: the same after any order of moves. */
  load(shard: number): number {
    return (this.#used[shard] ?? 0) / this.#weight(shard);
  }

  loadWith(shard: number, bytes: number): number {
    return ((this.#used[shard] ?? 0) + bytes) / this.#weight(shard);
  }

  /** Buckets by weight with one more. */
  countWith(shard: number): number {
    return ((this.#counts[shard] ?? 0) + 1) / this.#weight(shard);
  }

  room(shard: number): number {
    return this.#room[shard] ?? Infinity;
  }

  /**
   * The bucket of `src` that brings both nearest together at `dst`, of those that lower the higher load of the two and have at most
   * `most` bytes; null where there is none.
   */
  best(which: "home" | "guests", src: number, dst: number, most: number): number | null {
    const list = (which === "home" ? this.#home : this.#guests)[src] ?? [];
    const ideal = (this.load(src) - this.load(dst)) / (1 / this.#weight(src) + 1 / this.#weight(dst));
    const above = firstIndex(list, (bucket) => this.#size(bucket) > ideal);
    const below =
      Math.min(
        above,
        firstIndex(list, (bucket) => this.#size(bucket) > most),
      ) - 1;
    let best: { readonly bucket: number; readonly higher: number } | null = null;
    for (const bucket of [list[below], list[above]]) {
      if (bucket === undefined) continue;
      const size = this.#size(bucket);
      const [left, right] = [this.loadWith(src, -size), this.loadWith(dst, size)];
      if (size > most || left >= this.load(src) || right >= this.load(src)) continue;
      const higher = Math.max(left, right);
      if (best === null || higher < best.higher) best = { bucket, higher };
    }
    return best?.bucket ?? null;
  }

  move({ bucket, src, dst }: ProposedMove): void {
    remove(this.#home[src], bucket);
    this.#arrive(bucket, src, dst, this.#guests);
  }

  /** A guest of `src` is one of `dst` instead, or is back at home there. */
  moveOn(bucket: number, src: number, dst: number, isHome: boolean): void {
    remove(this.#guests[src], bucket);
    this.#room[src] = this.room(src) + this.#size(bucket);
    this.#arrive(bucket, src, dst, isHome ? this.#home : this.#guests);
    if (isHome) this.#room[dst] = this.room(dst) + this.#size(bucket);
  }

  #arrive(bucket: number, src: number, dst: number, lists: readonly number[][]): void {
    const size = this.#size(bucket);
    const list = lists[dst] ?? [];
    list.splice(
      firstIndex(list, (each) => this.#order(each, bucket) > 0),
      0,
      bucket,
    );
    this.#used[src] = (this.#used[src] ?? 0) - size;
    this.#used[dst] = (this.#used[dst] ?? 0) + size;
    this.#counts[src] = (this.#counts[src] ?? 0) - 1;
    this.#counts[dst] = (this.#counts[dst] ?? 0) + 1;
    this.#room[dst] = this.room(dst) - size;
  }

  #size(bucket: number): number {
    return this.#space.bytes[bucket] ?? 0;
  }

  #weight(shard: number): number {
    return this.#space.weights[shard] ?? 0;
  }

  #order(a: number, b: number): number {
    return this.#size(a) - this.#size(b) || a - b;
  }
}

/** In a list where it holds from some place on: that place. */
function firstIndex(list: readonly number[], holds: (item: number) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(list[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function remove(list: number[] | undefined, bucket: number): void {
  const at = list?.indexOf(bucket) ?? -1;
  if (at >= 0) list?.splice(at, 1);
}
