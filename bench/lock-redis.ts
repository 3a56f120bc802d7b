/**
 * Figures of the locks on one Redis server beside their peers in the same run; server and client on processors of their
 * own. Prints tables, then one line of JSON.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redlock as SesamecareRedlock } from "@sesamecare-oss/redlock";
import { Redis } from "ioredis";
import Redlock from "redlock";
import { createLock, IoredisAdapter } from "redlock-universal";
import type { LockDriver } from "../src/core/lock/lock.ts";
import { openLocks } from "../src/core/lock/open-locks.ts";
import { currentHolder } from "../src/core/process/identity.ts";
import { freePort } from "../test/support/free-port.ts";
import {
  at,
  canPin,
  forContenders,
  handOffs,
  interleaved,
  perSecond,
  pin,
  print,
  wholeProcesses,
} from "./support.ts";

const CYCLES = 30_000;
const CONCURRENCY = 50;
const ROUNDS = 5;
const TTL_MS = 30_000;
const DCS = fileURLToPath(new URL("../bin/dcs.js", import.meta.url));
const RELEASE =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

const port = await freePort();
const dir = mkdtempSync(join(tmpdir(), "dcs-bench-"));
const server = spawn(
  "redis-server",
  ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir],
  {
    stdio: "ignore",
  },
);
const bare = new Redis(port, "127.0.0.1");
bare.on("error", () => {});
await bare.ping();
if (server.pid !== undefined) pin(server.pid, 0);
pin(process.pid, 1);
const sha = String(await bare.script("LOAD", RELEASE));
const url = `redis://127.0.0.1:${port}`;
const locks = await openLocks({ url, timeoutMs: 10_000, stateDir: dir });
const drivers = await Promise.all(forContenders(() => openLocks({ url, timeoutMs: 10_000, stateDir: dir })));
const clients = forContenders(() => new Redis(port, "127.0.0.1"));
const holder = currentHolder();

function dcsAcquire(driver: LockDriver, name: string, waitMs: number) {
  return driver.acquire({ name, ttlMs: TTL_MS, waitMs, holder, detached: false });
}

try {
  const redlock = new Redlock([bare], { retryCount: 0 });
  const sesamecare = new SesamecareRedlock([bare], { retryCount: 0 });
  const universal = new IoredisAdapter(bare);
  const throughput = await interleaved(ROUNDS, [
    {
      name: "bare ioredis SET NX + EVALSHA",
      run: () =>
        perSecond(CYCLES, CONCURRENCY, async (worker) => {
          const token = `token-${worker}`;
          await bare.set(`bare-${worker}`, token, "PX", TTL_MS, "NX");
          await bare.evalsha(sha, 1, `bare-${worker}`, token);
        }),
    },
    {
      name: "dcs, with a fence",
      run: () =>
        perSecond(CYCLES, CONCURRENCY, async (worker) => {
          const hold = await dcsAcquire(locks, `dcs-${worker}`, 0);
          await locks.release(hold.name, hold.token);
        }),
    },
    {
      name: "redlock",
      run: () =>
        perSecond(CYCLES, CONCURRENCY, async (worker) => {
          await (await redlock.acquire([`redlock-${worker}`], TTL_MS)).release();
        }),
    },
    {
      name: "@sesamecare-oss/redlock",
      run: () =>
        perSecond(CYCLES, CONCURRENCY, async (worker) => {
          await (await sesamecare.acquire([`sesamecare-${worker}`], TTL_MS)).release();
        }),
    },
    {
      name: "redlock-universal",
      run: () =>
        perSecond(CYCLES, CONCURRENCY, async (worker) => {
          const lock = createLock({ adapter: universal, key: `universal-${worker}`, ttl: TTL_MS });
          await lock.release(await lock.acquire());
        }),
    },
  ]);
  const base = throughput.get("bare ioredis SET NX + EVALSHA") ?? Number.NaN;
  print(
    [`ACQUIRE + RELEASE ON REDIS, ${CONCURRENCY} AT A TIME`, "CYCLES/S", "OF BARE"],
    [...throughput].map(([name, value]) => [name, value.toFixed(0), (value / base).toFixed(2)]),
  );

  const patience = { retryCount: -1, retryDelay: 100, retryJitter: 50 };
  const patient = clients.map((client) => new Redlock([client], patience));
  const patientToo = clients.map((client) => new SesamecareRedlock([client], patience));
  const adapters = clients.map((client) => new IoredisAdapter(client));
  const handedOver = await handOffs("HAND-OFF ON REDIS", {
    dcs: async (contender) => {
      const driver = at(drivers, contender);
      const hold = await dcsAcquire(driver, "hand-off", Number.POSITIVE_INFINITY);
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
      const adapter = at(adapters, contender);
      const lock = createLock({ adapter, key: "hand-off-universal", ttl: TTL_MS, retryAttempts: 1000 });
      const handle = await lock.acquire();
      return () => lock.release(handle);
    },
  });

  const processes = wholeProcesses(
    [
      ["node -e 0", [process.execPath, "-e", "0"]],
      [
        "dcs lock acquire",
        [
          process.execPath,
          DCS,
          "lock",
          "acquire",
          "x",
          "--ttl",
          "100ms",
          "--wait",
          "5s",
          "-q",
          "--locks",
          url,
        ],
      ],
    ],
    { PATH: process.env["PATH"], HOME: dir, DCS_STATE_DIR: join(dir, "state") },
  );
  const first = processes[0]?.ms ?? Number.NaN;
  print(
    ["WHOLE PROCESS ON REDIS", "MEDIAN MS", "RATIO"],
    processes.map((row) => [row.name, row.ms.toFixed(1), (row.ms / first).toFixed(2)]),
  );
  const figures = { throughput: Object.fromEntries(throughput), handOffs: handedOver, processes };
  console.log(JSON.stringify({ bench: "lock-redis", node: process.version, pinned: canPin, ...figures }));
} finally {
  await locks.close();
  for (const driver of drivers) await driver.close();
  for (const client of clients) client.disconnect();
  bare.disconnect();
  server.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}
