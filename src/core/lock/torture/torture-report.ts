import type { Verdict } from "../../verdict/verdict.ts";
import type { CheckName, Finding } from "./finding.ts";

export interface TortureCounts {
  readonly acquisitions: number;
  /** From one holder to another that had waited. */
  readonly handOffs: number;
  /** kill -9 of workers. */
  readonly kills: number;
  /** Workers stopped for longer than the TTL. */
  readonly stops: number;
  /** Holds of which the holder itself noticed that they were over. */
  readonly lostHolds: number;
  /** Writes the register accepted. */
  readonly writes: number;
  /** Writes it refused for their fence. */
  readonly staleWrites: number;
  /** Attempts that failed with an error. */
  readonly errors: number;
}

/** What a torture run came to: `data` of `dcs.lock.torture/1`. */
export interface TortureReport {
  readonly verdict: Verdict;
  /** Why, in words. */
  readonly reasons: readonly string[];
  /** The first of each check. */
  readonly findings: readonly Finding[];
  /** How many there are in all. */
  readonly found: Readonly<Partial<Record<CheckName, number>>>;
  readonly backend: string;
  /** Without secrets. */
  readonly url: string;
  /** Repeats the schedule of holds and faults; not the timing of the machine. */
  readonly seed: number;
  /** What all names of the run begin with. */
  readonly prefix: string;
  readonly workers: number;
  readonly locks: number;
  readonly ttlMs: number;
  /** How long the workers worked. */
  readonly durationMs: number;
  readonly interrupted: boolean;
  readonly counts: TortureCounts;
  /** From the release by one holder until the next, who waited, had it; null where that never happened. */
  readonly handOff: { readonly p50Ms: number; readonly p99Ms: number } | null;
  /** What a counter without a fence lost in the same run. */
  readonly lostWithoutFence: number;
  /** The longest time dcs itself was kept from running. */
  readonly longestStallMs: number;
  /** The codes of the attempts that failed, and how often each. */
  readonly errors: Readonly<Record<string, number>>;
  /** Locks that could not be cleaned up; they end by their TTL. */
  readonly left: readonly string[];
}
