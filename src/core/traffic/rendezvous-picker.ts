import { DcsError } from "../errors.ts";
import { type Hash64, hash64, unitInterval } from "./hash.ts";
import type { Candidate, Picker } from "./picker.ts";
import { weighted } from "./weights.ts";

interface Entry<T> {
  readonly candidate: T;
  readonly hash: Hash64;
}

/**
 * Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights as in Schindelhauer and Schomaker 2005): a key goes
 * to the candidate with the highest -weight / ln(u), u being a hash of key and candidate in (0, 1). The same key goes to
 * the same candidate in every process; a candidate that comes or goes moves only its own keys, a changed weight only
 * between it and the others. O(n) a pick.
 */
export class RendezvousPicker<T extends Candidate> implements Picker<T> {
  readonly #key: string | undefined;
  #entries: readonly Entry<T>[] = [];

  /** `key` is used by picks that give none. */
  constructor(candidates: readonly T[], key?: string) {
    this.#key = key;
    this.update(candidates);
  }

  /** USAGE when neither this pick nor the picker has a key. */
  pick(key?: string): T | null {
    const hash = this.#hash(key);
    let best: T | null = null;
    let most = -1;
    for (const entry of this.#entries) {
      const score = scoreOf(entry, hash);
      if (score > most) {
        most = score;
        best = entry.candidate;
      }
    }
    return best;
  }

  pickMany(count: number, key?: string): readonly T[] {
    const hash = this.#hash(key);
    return this.#entries
      .map((entry) => ({ candidate: entry.candidate, score: scoreOf(entry, hash) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, Math.max(0, count))
      .map((one) => one.candidate);
  }

  update(candidates: readonly T[]): void {
    // In the order of ids, so that even equal scores fall the same way everywhere.
    this.#entries = weighted(candidates)
      .map((candidate) => ({ candidate, hash: hash64(candidate.id) }))
      .sort((a, b) => (a.candidate.id < b.candidate.id ? -1 : 1));
  }

  #hash(given: string | undefined): Hash64 {
    const key = given ?? this.#key;
    if (key === undefined) {
      throw new DcsError("USAGE", "the rendezvous policy needs a key", { hint: "add --key KEY" });
    }
    return hash64(key);
  }
}

function scoreOf<T extends Candidate>(entry: Entry<T>, key: Hash64): number {
  return -entry.candidate.weight / Math.log(unitInterval(key, entry.hash));
}
