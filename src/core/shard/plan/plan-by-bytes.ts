import { ByteLoads } from "./byte-loads.ts";
import type { Proposal, ProposedMove, ShardSpace } from "./planner-space.ts";

/**
 * Greedy: first what draining shards have, the largest first, each to where it leaves the lowest load (Graham's LPT rule); then from
 * the most loaded shard to the least loaded one the bucket that brings the two nearest together, for as long as that lowers the
 * higher of the two. A shard with which that cannot be done (one large tenant) is let be, and the rest made level among
 * themselves. *Load* is bytes by weight. So no step raises the highest load, but for those that drain a shard.
 *
 * Where a step would be a bucket's second one, its first is changed instead, if all steps between stay as good as the start.
 */
export function planByBytes(space: ShardSpace): Proposal {
  return new ByteGreedy(space).plan();
}

class ByteGreedy {
  readonly #space: ShardSpace;
  readonly #loads: ByteLoads;
  readonly #short = new Set<number>();
  readonly #active: readonly number[];
  readonly #total: { readonly bytes: number; readonly weight: number };
  #moves: ProposedMove[] = [];
  #isStuck = false;

  constructor(space: ShardSpace) {
    this.#space = space;
    this.#loads = new ByteLoads(space);
    this.#active = space.weights.flatMap((weight, i) => (weight > 0 ? [i] : []));
    this.#total = {
      bytes: space.bytes.reduce((all, each) => all + each, 0),
      weight: space.weights.reduce((all, each) => all + each, 0),
    };
  }

  plan(): Proposal {
    do this.#drain();
    while (this.#level());
    return { moves: this.#moves, short: [...this.#short], isComplete: !this.#isStuck };
  }

  #drain(): void {
    const { bytes, weights } = this.#space;
    const loads = this.#loads;
    const waiting = weights
      .flatMap((weight, src) => (weight > 0 ? [] : loads.all(src).map((bucket) => ({ bucket, src }))))
      .sort((a, b) => (bytes[b.bucket] ?? 0) - (bytes[a.bucket] ?? 0) || a.bucket - b.bucket);
    for (const { bucket, src } of waiting) {
      const size = bytes[bucket] ?? 0;
      // What weighs nothing goes where the fewest buckets are.
      const cost = (i: number) => (size === 0 ? 0 : loads.loadWith(i, size));
      const byCost = this.#active.toSorted(
        (a, b) => cost(a) - cost(b) || loads.countWith(a) - loads.countWith(b) || a - b,
      );
      const dst = byCost.find((i) => size <= loads.room(i));
      if (dst !== byCost[0] && byCost[0] !== undefined) this.#short.add(byCost[0]);
      if (dst !== undefined) this.#go({ bucket, src, dst });
    }
  }

  /** True when anything was moved. */
  #level(): boolean {
    let isChanged = false;
    while (this.#levelOnce()) isChanged = true;
    return isChanged;
  }

  #levelOnce(): boolean {
    const loads = this.#loads;
    const byLoad = this.#active.toSorted((a, b) => loads.load(b) - loads.load(a) || a - b);
    let { bytes, weight } = this.#total;
    for (const src of byLoad) {
      if (loads.load(src) <= (bytes / weight) * (1 + this.#space.tolerance)) return false;
      if (this.#giveFrom(src, byLoad.toReversed())) return true;
      bytes -= loads.bytes(src);
      weight -= this.#space.weights[src] ?? 0;
    }
    return false;
  }

  #giveFrom(src: number, targets: readonly number[]): boolean {
    const loads = this.#loads;
    for (const which of ["home", "guests"] as const) {
      for (const dst of targets) {
        const bucket = loads.best(which, src, dst, loads.room(dst));
        if (bucket === null) {
          if (loads.best(which, src, dst, Infinity) !== null) this.#short.add(dst);
        } else if (which === "home") {
          this.#go({ bucket, src, dst });
          return true;
        } else if (!this.#isStuck) {
          if (this.#redirect(bucket, src, dst)) return true;
          this.#isStuck = true;
        }
      }
    }
    return false;
  }

  #go(move: ProposedMove): void {
    this.#loads.move(move);
    this.#moves.push(move);
  }

  /** A bucket that was to go to `src` goes to `dst` instead. False when that cannot be had without a step that makes things worse. */
  #redirect(bucket: number, src: number, dst: number): boolean {
    const at = this.#moves.findIndex((move) => move.bucket === bucket);
    const first = this.#moves[at];
    if (first === undefined) return false;
    const without = this.#moves.toSpliced(at, 1);
    const instead = { bucket, src: first.src, dst };
    const ways = first.src === dst ? [without] : [this.#moves.with(at, instead), [...without, instead]];
    const way = ways.find((moves) => isNeverWorse(this.#space, moves));
    if (way === undefined) return false;
    this.#moves = way;
    this.#loads.moveOn(bucket, src, dst, first.src === dst);
    return true;
  }
}

/** Whether each step leaves fewer buckets on draining shards than there were at the start, or no higher load. */
function isNeverWorse(space: ShardSpace, moves: readonly ProposedMove[]): boolean {
  const loads = new ByteLoads(space);
  const worst = () => Math.max(...space.weights.map((weight, i) => (weight > 0 ? loads.load(i) : 0)));
  const start = worst();
  let drained = 0;
  for (const move of moves) {
    loads.move(move);
    if (space.weights[move.src] === 0) drained++;
    if (drained === 0 && worst() > start) return false;
  }
  return true;
}
