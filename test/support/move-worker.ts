/**
 * A process that moves one bucket, for tests that stop or kill it: `node move-worker.ts STORE KEYSPACE BUCKET SRC DST POINT SIGNAL`.
 * At the point it sends itself the signal, once. Says `at POINT` before, and at the end what came of it as JSON.
 */
import { writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { ShardStore } from "../../src/core/shard/map/shard-store.ts";
import { MOVE_OPTIONS } from "../../src/core/shard/move/move-deps.ts";
import { runMove } from "../../src/core/shard/move/run-move.ts";
import { RunnerLease } from "../../src/core/shard/move/runner-lease.ts";
import { shardTarget } from "../../src/core/shard/shard-url.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import { systemClock } from "../../src/core/util/clock.ts";

const [url = "", keyspace = "", bucket = "", src = "", dst = "", point = "", signal = ""] =
  process.argv.slice(2);
const store = await openStore(url, { timeoutMs: 5000, stateDir: tmpdir() });
const shards = new ShardStore(store, keyspace);
let isArmed = true;
{
  await using lease = new RunnerLease({ store, clock: systemClock, ttlMs: 1000 });
  const runner = () => lease.ref();
  const held = await shards.claim({ bucket: Number(bucket), src, dst, plan: "worker" }, await runner());
  const { outcome, error } = await runMove(held, {
    ...{ shards, runner, state: await shards.keyspace(), clock: systemClock },
    target: (shard) => shardTarget(shard, {}),
    options: { ...MOVE_OPTIONS, maxPauseMs: 5000 },
    signal: new AbortController().signal,
    failpoint: (name) => {
      if (!isArmed || name !== point) return;
      isArmed = false;
      writeSync(1, `at ${name}\n`);
      process.kill(process.pid, signal);
    },
  });
  writeSync(1, `${JSON.stringify({ outcome, error: error?.message ?? null })}\n`);
}
await store.close();
