/**
 * Figures of the locks on five Redis servers beside their peers in the same run; servers and client on processors of their
 * own. Prints tables, then one line of JSON.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redlock as SesamecareRedlock } from "@sesamecare-oss/redlock";
import { Redis } from "ioredis";
import Redlock from "redlock";
import { createRedlock, IoredisAdapter } from "redlock-universal";
import { openLocks } from "../src/core/lock/open-locks.ts";
import { currentHolder } from "../src/core/process/identity.ts";
import { startQuorum } from "../test/support/redis-quorum.ts";
import {
  at,
  canPin,
  forContenders,
  handOffs,
  inFlight,
  interleaved,
  perSecond,
  pin,
  print,
  quantile,
} from "./support.ts";

const NODES = 5;
const CYCLES = 5000;
const CONCURRENCY = 50;
const ROUNDS = 7;
/** Of all peers together. */
const LATENCIES = 5000;
const BATCH = 50;
const TTL_MS = 30_000;
const HELD = 1000;
const HELD_TTL_MS = 9000;
const MEASURED_MS = 6000;

const quorum = await startQuorum(NODES);
for (const { process: server } of quorum.servers) if (server.pid !== undefined) pin(server.pid, 0);
pin(process.pid, 1);
const dir = mkdtempSync(join(tmpdir(), "dcs-bench-"));
const clients = quorum.servers.map(({ port }) => new Redis(port, "127.0.0.1"));
await Promise.all(clients.map((client) => client.ping()));
const options = { url: quorum.url(), timeoutMs: 10_000, stateDir: dir };
const locks = await openLocks(options);
const drivers = await Promise.all(forContenders(() => openLocks(options)));
const clientsOf = forContenders(() => quorum.servers.map(({ port }) => new Redis(port, "127.0.0.1")));
const holder = currentHolder();

function dcsAcquire(driver: typeof locks, name: string, noFence: boolean, waitMs = 0, ttlMs = TTL_MS) {
  return driver.acquire({ name, ttlMs, waitMs, holder, detached: false, noFence });
}

/** A lock that somebody has. */
interface Held {
  readonly release: () => Promise<unknown>;
  /** Its full TTL again. */
  readonly extend: () => Promise<unknown>;
}

interface Peer {
  readonly name: string;
  readonly acquire: (name: string, ttlMs: number) => Promise<Held>;
}

function dcsPeer(name: string, noFence: boolean): Peer {
  return {
    name,
    acquire: async (lock, ttlMs) => {
      const { token } = await dcsAcquire(locks, lock, noFence, 0, ttlMs);
      return { release: () => locks.release(lock, token), extend: () => locks.renew(lock, token) };
    },
  };
}

const redlock = new Redlock(clients, { retryCount: 0 });
const sesamecare = new SesamecareRedlock(clients, { retryCount: 0 });
const adapters = clients.map((client) => new IoredisAdapter(client));
const peers: readonly Peer[] = [
  dcsPeer("dcs, with a fence", false),
  dcsPeer("dcs, no fence", true),
  {
    name: "redlock",
    acquire: async (name, ttlMs) => {
      let lock = await redlock.acquire([name], ttlMs);
      const extend = async () => {
        lock = await lock.extend(ttlMs);
      };
      return { release: () => lock.release(), extend };
    },
  },
  {
    name: "@sesamecare-oss/redlock",
    acquire: async (name, ttlMs) => {
      let lock = await sesamecare.acquire([name], ttlMs);
      const extend = async () => {
        lock = await lock.extend(ttlMs);
      };
      return { release: () => lock.release(), extend };
    },
  },
  {
    name: "redlock-universal",
    acquire: async (name, ttlMs) => {
      const lock = createRedlock({ adapters, key: name, ttl: ttlMs });
      const handle = await lock.acquire();
      return { release: () => lock.release(handle), extend: () => lock.extend(handle, ttlMs) };
    },
  },
];

async function cycle({ acquire }: Peer, name: string): Promise<void> {
  await (await acquire(name, TTL_MS)).release();
}

interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One at a time, the peers in turns: how long a caller waits for its lock, and until it has given it back. */
async function latencies(): Promise<
  ReadonlyMap<string, { readonly acquire: Quantiles; readonly cycle: Quantiles }>
> {
  const times = peers.map((peer) => ({ ...peer, acquired: [] as number[], released: [] as number[] }));
  for (let i = 0; i < LATENCIES; i++) {
    const peer = times[Math.floor(i / BATCH) % times.length];
    if (peer === undefined) continue;
    const { name, acquire, acquired, released } = peer;
    const begin = performance.now();
    const held = await acquire(`alone-${name}`, TTL_MS);
    acquired.push(performance.now() - begin);
    await held.release();
    released.push(performance.now() - begin);
  }
  const quantiles = (all: readonly number[]) => ({ p50Ms: quantile(all, 0.5), p99Ms: quantile(all, 0.99) });
  return new Map(
    times.map(({ name, acquired, released }) => [
      name,
      { acquire: quantiles(acquired), cycle: quantiles(released) },
    ]),
  );
}

/**
 * Milliseconds of processor time a second while `HELD` locks are held, each renewed every third of its TTL by a timer, which
 * is what dcs does and what no peer does by itself in the same rhythm. Counted: this process, its servers not.
 */
async function holding({
  name,
  acquire,
}: Peer): Promise<{ readonly cpuMsPerS: number; readonly renewals: number }> {
  let renewals = 0;
  let failed: unknown = null;
  const held: Held[] = [];
  const names = Array.from({ length: HELD }, (_, i) => `held-${name}-${i}`);
  await inFlight(CONCURRENCY, names, async (lock) => held.push(await acquire(lock, HELD_TTL_MS)));
  const renew = async ({ extend }: Held) => {
    try {
      await extend();
      renewals++;
    } catch (error) {
      failed ??= error;
    }
  };
  const timers: NodeJS.Timeout[] = [];
  // Spread over the third, so that all are renewed alike whoever was quick to acquire.
  for (const [i, each] of held.entries()) {
    const start = () => {
      void renew(each);
      timers.push(setInterval(() => void renew(each), HELD_TTL_MS / 3));
    };
    setTimeout(start, (i / HELD) * (HELD_TTL_MS / 3));
  }
  await sleep(HELD_TTL_MS / 3);
  renewals = 0;
  const before = process.cpuUsage();
  await sleep(MEASURED_MS);
  const { user, system } = process.cpuUsage(before);
  const counted = renewals;
  for (const timer of timers) clearInterval(timer);
  if (failed !== null) throw failed;
  await inFlight(CONCURRENCY, held, ({ release }) => release());
  return {
    cpuMsPerS: (user + system) / 1000 / (MEASURED_MS / 1000),
    renewals: counted / (MEASURED_MS / 1000),
  };
}

try {
  const throughput = await interleaved(
    ROUNDS,
    peers.map((peer) => ({
      name: peer.name,
      run: () => perSecond(CYCLES, CONCURRENCY, (worker) => cycle(peer, `${peer.name}-${worker}`)),
    })),
  );
  const base = throughput.get("redlock") ?? Number.NaN;
  print(
    [`ACQUIRE + RELEASE ON ${NODES} NODES, ${CONCURRENCY} AT A TIME`, "CYCLES/S", "OF REDLOCK"],
    [...throughput].map(([name, value]) => [name, value.toFixed(0), (value / base).toFixed(2)]),
  );

  const waits = await latencies();
  print(
    [`ONE AT A TIME ON ${NODES} NODES`, "ACQUIRE P50 MS", "P99 MS", "WITH RELEASE P50 MS", "P99 MS"],
    [...waits].map(([name, each]) => [
      name,
      ...[each.acquire, each.cycle].flatMap(({ p50Ms, p99Ms }) => [p50Ms.toFixed(2), p99Ms.toFixed(2)]),
    ]),
  );

  const holds: Record<string, Awaited<ReturnType<typeof holding>>> = {};
  for (const peer of peers) holds[peer.name] = await holding(peer);
  print(
    [`${HELD} LOCKS HELD ON ${NODES} NODES, RENEWED EVERY ${HELD_TTL_MS / 3000} S`, "CPU MS/S", "RENEWALS/S"],
    Object.entries(holds).map(([name, { cpuMsPerS, renewals }]) => [
      name,
      cpuMsPerS.toFixed(1),
      renewals.toFixed(0),
    ]),
  );

  const patience = { retryCount: -1, retryDelay: 100, retryJitter: 50 };
  const patient = clientsOf.map((own) => new Redlock(own, patience));
  const patientToo = clientsOf.map((own) => new SesamecareRedlock(own, patience));
  const adaptersOf = clientsOf.map((own) => own.map((client) => new IoredisAdapter(client)));
  const handedOver = await handOffs(`HAND-OFF ON ${NODES} NODES`, {
    dcs: async (contender) => {
      const driver = at(drivers, contender);
      const hold = await dcsAcquire(driver, "hand-off", false, Number.POSITIVE_INFINITY);
      return () => driver.release(hold.name, hold.token);
    },
    redlock: async (contender) => {
      const lock = await at(patient, contender).acquire(["hand-off-redlock"], TTL_MS);
      return () => lock.release();
    },
    "@sesamecare-oss/redlock": async (contender) => {
      const lock = await at(patientToo, contender).acquire(["hand-off-sesamecare"], TTL_MS);
      return () => lock.release();
    },
    "redlock-universal": async (contender) => {
      const own = { adapters: at(adaptersOf, contender), key: "hand-off-universal", ttl: TTL_MS };
      const lock = createRedlock({ ...own, retryAttempts: 1000 });
      const handle = await lock.acquire();
      return () => lock.release(handle);
    },
  });
  const figures = {
    throughput: Object.fromEntries(throughput),
    latencies: Object.fromEntries(waits),
    holds,
    handOffs: handedOver,
  };
  console.log(JSON.stringify({ bench: "lock-quorum", node: process.version, pinned: canPin, ...figures }));
} finally {
  await locks.close();
  for (const driver of drivers) await driver.close();
  for (const own of clientsOf) for (const client of own) client.disconnect();
  for (const client of clients) client.disconnect();
  await quorum.stop();
  rmSync(dir, { recursive: true, force: true });
}
