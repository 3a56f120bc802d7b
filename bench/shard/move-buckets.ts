/**
 * Moves buckets one after another, as a process of its own: what applications feel of it is measured in another. Arguments: URL of the
 * store, state directory, keyspace, buckets, rounds: there, back, and so on. Prints each event as one line of JSON, `at` in epoch ms.
 */
import { ShardStore } from "../../src/core/shard/map/shard-store.ts";
import { MOVE_OPTIONS } from "../../src/core/shard/move/move-deps.ts";
import type { MoveEvent } from "../../src/core/shard/move/move-event.ts";
import { Rebalancer } from "../../src/core/shard/move/rebalancer.ts";
import { shardTarget } from "../../src/core/shard/shard-url.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import { systemClock } from "../../src/core/util/clock.ts";

/** What is said of an event. */
export interface MoveLine {
  /** Epoch ms, with fractions. */
  readonly at: number;
  readonly kind: MoveEvent["kind"];
  readonly bucket: number;
  readonly step: string;
  readonly predictedMs: number | null;
  readonly pauseMs: number | null;
  /** Of a cut that was given up. */
  readonly heldMs: number;
  readonly failed: string | null;
}

if (import.meta.main) {
  const [url = "", stateDir = "", keyspace = "", buckets = "0", rounds = "1"] = process.argv.slice(2);
  const store = await openStore(url, { timeoutMs: 5000, stateDir });
  const rebalancer = await Rebalancer.open({
    store,
    shards: new ShardStore(store, keyspace),
    clock: systemClock,
    target: (shard) => shardTarget(shard, {}),
    options: MOVE_OPTIONS,
    signal: new AbortController().signal,
    concurrency: 1,
    ttlMs: 15_000,
    onEvent: (event) => console.log(JSON.stringify(lineOf(event))),
  });
  const names = ["src", "dst"];
  for (let round = 0; round < Number(rounds); round++) {
    const [src = "", dst = ""] = round % 2 === 0 ? names : names.toReversed();
    const moves = Array.from({ length: Number(buckets) }, (_, bucket) => ({ bucket, src, dst }));
    await rebalancer.run(moves, `round ${round}`);
  }
  await rebalancer[Symbol.asyncDispose]();
  await store.close();
}

function lineOf({ kind, status, ...more }: MoveEvent): MoveLine {
  const { bucket, step, predictedPauseMs, pauseMs } = status;
  const outcome = "result" in more ? more.result.outcome : "moved";
  const error = "result" in more ? more.result.error : "error" in more ? more.error : null;
  const failed = outcome === "moved" ? (error?.message ?? null) : `${outcome}: ${error?.message}`;
  const heldMs = "heldMs" in more ? more.heldMs : 0;
  const at = performance.timeOrigin + performance.now();
  return { at, kind, bucket, step, predictedMs: predictedPauseMs, pauseMs, heldMs, failed };
}
