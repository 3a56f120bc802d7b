/** What applications feel while buckets move: an open loop of writes through the router, beside a process that moves. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bucketOf, type Shard } from "../../src/core/shard/keyspace.ts";
import { ShardStore } from "../../src/core/shard/map/shard-store.ts";
import { ShardRouter } from "../../src/core/shard/router/shard-router.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import { quantile } from "../support.ts";
import type { ShardLab } from "./lab.ts";
import type { MoveLine } from "./move-buckets.ts";

const MOVE_BUCKETS = fileURLToPath(new URL("move-buckets.ts", import.meta.url));
export const PAUSE_BUCKETS = 32;
const PER_SECOND = 500;
/** So many of two writes go to the bucket that moves: a cut that holds none would not be seen. */
const HOT = 0.5;
const QUIET_MS = 10_000;
/** For half of the writes, held for the longest pause that a cut may make: else those to other buckets would wait for a session. */
const POOL = 64;

interface Write {
  readonly bucket: number;
  /** The bucket moved, when it was sent. */
  readonly isHot: boolean;
  /** Epoch ms: when it was to be sent, and when it was acknowledged. */
  readonly from: number;
  readonly to: number;
}

/** While the row's lock was asked for or held, or the bucket closed. */
interface Cut {
  readonly bucket: number;
  readonly from: number;
  readonly to: number;
  readonly predictedMs: number | null;
  readonly pauseMs: number | null;
}

export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface PauseFigures {
  readonly moves: number;
  /** Cuts that were given up before the seal; they hold writes as well, and count. */
  readonly cutsAgain: number;
  readonly failedWrites: number;
  /** All writes, while nothing moves. */
  readonly quiet: Latency;
  /** Writes to buckets that do not move, while others do; and those of them that were under way during a cut. */
  readonly others: Latency;
  readonly othersAtCuts: Latency;
  /** Writes to a bucket that moves, before and after its cut. */
  readonly beside: Latency;
  /** By cut, the longest that a write to its bucket took which was under way in it. */
  readonly felt: Latency;
  /** All of those writes. */
  readonly held: Latency;
  /** As the mover says. */
  readonly measured: Latency;
  readonly predicted: Latency;
}

/** Each bucket goes to the other shard, so often. */
export async function pauses(lab: ShardLab, rounds: number, storeUrl?: string): Promise<PauseFigures> {
  const dir = await mkdtemp(join(tmpdir(), "dcs-bench-"));
  const url = storeUrl ?? `embedded:${dir}/store.db`;
  const store = await openStore(url, { timeoutMs: 5000, stateDir: dir });
  try {
    const shards = (["src", "dst"] as const).map(
      (name): Shard => ({ name, url: lab.urls[name], weight: 1, zone: null, state: "active" }),
    );
    const { keyspace } = lab;
    const owners = Array.from({ length: keyspace.buckets }, () => ({ shard: "src", epoch: 1 }));
    const shardStore = new ShardStore(store, keyspace.name);
    await shardStore.create(keyspace, shards, owners);
    await using router = await ShardRouter.open(store, keyspace.name, { poolSize: POOL });
    const load = new Load(router, lab);
    // Sessions are opened, plans made, code compiled.
    await load.run(2000);
    load.writes.length = 0;
    await load.run(QUIET_MS);
    const quiet = load.writes.splice(0);
    const cuts = await load.during((onLine) =>
      moved([url, dir, keyspace.name, String(keyspace.buckets), String(rounds)], onLine),
    );
    if (storeUrl !== undefined) await shardStore.remove();
    return { ...figuresOf(quiet, load.writes, cuts), failedWrites: load.failed };
  } finally {
    await store.close();
    await rm(dir, { recursive: true, force: true });
  }
}

function figuresOf(quiet: readonly Write[], writes: readonly Write[], cuts: readonly Cut[]) {
  const isIn = (write: Write, cut: Cut) => write.from < cut.to && write.to > cut.from;
  const felt = cuts.map((cut) => writes.filter((write) => write.bucket === cut.bucket && isIn(write, cut)));
  const othersAtCuts = cuts.flatMap((cut) =>
    writes.filter((write) => write.bucket !== cut.bucket && isIn(write, cut)),
  );
  const held = new Set(felt.flat());
  return {
    moves: cuts.filter(({ pauseMs }) => pauseMs !== null).length,
    cutsAgain: cuts.filter(({ pauseMs }) => pauseMs === null).length,
    quiet: latencyOf(quiet.map(msOf)),
    others: latencyOf(writes.filter(({ isHot }) => !isHot).map(msOf)),
    othersAtCuts: latencyOf(othersAtCuts.map(msOf)),
    beside: latencyOf(writes.filter((write) => write.isHot && !held.has(write)).map(msOf)),
    felt: latencyOf(felt.map((all) => Math.max(0, ...all.map(msOf)))),
    held: latencyOf([...held].map(msOf)),
    measured: latencyOf(cuts.flatMap(({ pauseMs }) => pauseMs ?? [])),
    predicted: latencyOf(cuts.flatMap(({ predictedMs }) => predictedMs ?? [])),
  };
}

function msOf({ from, to }: Write): number {
  return to - from;
}

function latencyOf(ms: readonly number[]): Latency {
  return {
    count: ms.length,
    p50Ms: quantile(ms, 0.5),
    p99Ms: quantile(ms, 0.99),
    maxMs: Math.max(...ms),
  };
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Runs the mover to its end. Throws when a move did not reach it. */
async function moved(args: readonly string[], onLine: (line: MoveLine) => void): Promise<readonly Cut[]> {
  const child = spawn(process.execPath, [MOVE_BUCKETS, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  const cuts: Cut[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as MoveLine;
    onLine(line);
    const { at, kind, bucket, predictedMs, pauseMs, heldMs, failed } = line;
    if (failed !== null) console.error(`bucket ${bucket}: ${failed}`);
    if (kind === "opened") cuts.push({ bucket, from: at - (pauseMs ?? 0), to: at, predictedMs, pauseMs });
    if (kind === "cut again" && heldMs > 0)
      cuts.push({ bucket, from: at - heldMs, to: at, predictedMs: null, pauseMs: null });
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`the mover ended with ${code}`);
  return cuts;
}

/** Writes at a fixed rate, whatever becomes of those before. */
class Load {
  readonly writes: Write[] = [];
  failed = 0;
  readonly #router: ShardRouter;
  /** By bucket: a key of it, and how many rows that has. */
  readonly #tenants: readonly number[];
  readonly #rowsOf: number;
  #hot = 0;
  #sent = 0;

  constructor(router: ShardRouter, { keyspace, rows }: ShardLab) {
    this.#router = router;
    this.#rowsOf = Math.floor(rows / 1000);
    this.#tenants = Array.from({ length: keyspace.buckets }, (_, bucket) => {
      let tenant = 0;
      while (bucketOf(tenant, keyspace.buckets) !== bucket) tenant++;
      return tenant;
    });
  }

  async run(ms: number): Promise<void> {
    await this.during(() => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  /** Writes as long as the work lasts; what is under way is waited for. */
  async during<T>(work: (onLine: (line: MoveLine) => void) => Promise<T>): Promise<T> {
    const open = new Set<Promise<void>>();
    const begin = now();
    let next = 0;
    const timer = setInterval(() => {
      // What is due by now: a late timer makes latencies longer, not writes fewer.
      for (let at = dueAt(next); at <= now(); at = dueAt(++next)) {
        const write = this.#write(at).finally(() => open.delete(write));
        open.add(write);
      }
    }, 1);
    const dueAt = (n: number) => begin + (n * 1000) / PER_SECOND;
    try {
      return await work(({ bucket }) => {
        this.#hot = bucket;
      });
    } finally {
      clearInterval(timer);
      await Promise.all(open);
    }
  }

  async #write(from: number): Promise<void> {
    const n = this.#sent++;
    const any = Math.floor(Math.random() * this.#tenants.length);
    const bucket = Math.random() < HOT ? this.#hot : any;
    const isHot = bucket === this.#hot;
    const tenant = this.#tenants[bucket] ?? 0;
    try {
      if (n % 2 === 0) {
        // Rows of the seed: tenant = id modulo 1000.
        const id = tenant + 1000 * (1 + Math.floor(Math.random() * (this.#rowsOf - 1)));
        await this.#router.query(
          tenant,
          "UPDATE orders SET status = (status + 1) % 100 WHERE tenant = ? AND id = ?",
          [tenant, id],
        );
      } else {
        await this.#router.query(
          tenant,
          "INSERT INTO numbered (tenant, status, amount, customer, created) VALUES (?, 1, 1, 'somebody', NOW())",
          [tenant],
        );
      }
      this.writes.push({ bucket, isHot, from, to: now() });
    } catch (error) {
      if (this.failed++ === 0) console.error(error);
    }
  }
}
