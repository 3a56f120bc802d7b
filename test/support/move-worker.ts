/**
 * A process that moves one bucket, for tests that stop or kill it: `node move-worker.ts STORE KEYSPACE BUCKET SRC DST POINT SIGNAL`.
 * At the point it sends itself the signal, once. Says `at POINT` before, and at the end what came of it as JSON.
 */
import { writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { ShardStore } from "../../src/core/shard/map/shard-store.ts";
import { MOVE_OPTIONS } from "../../src/core/shard/move/move-deps.ts";
import { Rebalancer } from "../../src/core/shard/move/rebalancer.ts";
import { shardTarget } from "../../src/core/shard/shard-url.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import { systemClock } from "../../src/core/util/clock.ts";

const [url = "", keyspace = "", bucket = "", src = "", dst = "", point = "", signal = ""] = process.argv.slice(2);
const store = await openStore(url, { timeoutMs: 5000, stateDir: tmpdir() });
let isArmed = true;
{
  await using rebalancer = await Rebalancer.open({
    ...{ store, shards: new ShardStore(store, keyspace), clock: systemClock, concurrency: 1, ttlMs: 1000 },
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
  const { results } = await rebalancer.run([{ bucket: Number(bucket), src, dst }], "worker");
  const [result] = results;
  writeSync(1, `${JSON.stringify({ outcome: result?.outcome, error: result?.error?.message ?? null })}\n`);
}
await store.close();
