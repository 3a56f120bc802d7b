import { Truth } from "../../../../examples/shop/kit/truth.ts";

/** What became of a write. `apart`: its keys are on two shards, so no transaction could do it. */
export type Fate = "acknowledged" | "refused" | "unknown" | "apart";

/** By key of a row: what it is afterwards, null for one that is deleted. Keys and texts as `rowKey` and `rowText` write them. */
export type Effects = ReadonlyMap<string, string | null>;

/** All that was written, and what came of it. */
export class Book {
  readonly truth = new Truth<string>();
  readonly counts: Record<Fate, number> = { acknowledged: 0, refused: 0, unknown: 0, apart: 0 };
  /** What must not be, as it was seen while the writers ran. */
  readonly problems: string[] = [];
  #ops = 0;

  /** A number that no other write has. */
  nextOp(): number {
    return ++this.#ops;
  }

  write(fate: Fate, effects: Effects): void {
    this.counts[fate]++;
    for (const [key, state] of effects) {
      if (fate === "acknowledged") this.truth.acknowledged(key, state);
      if (fate === "unknown") this.truth.unknown(key, state);
    }
  }
}
