/**
 * Figures of the locks on one etcd beside etcd3's own lock and etcdctl in the same run; server and client on processors
 * of their own. Prints tables, then one line of JSON.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Etcd3 } from "etcd3";
import { openLocks } from "../src/core/lock/open-locks.ts";
import { currentHolder } from "../src/core/process/identity.ts";
import { EtcdServer } from "../test/support/etcd.ts";
import { canPin, interleaved, perSecond, pin, print, quantile, wholeProcesses } from "./support.ts";

const CYCLES = 1500;
const CONCURRENCY = 50;
const ROUNDS = 3;
const HAND_OFFS = 150;
const TTL_S = 30;
const DCS = fileURLToPath(new URL("../bin/dcs.js", import.meta.url));

const dir = mkdtempSync(join(tmpdir(), "dcs-bench-"));
const server = await EtcdServer.start();
pin(server.pid, 0);
pin(process.pid, 1);
const open = () => openLocks({ url: server.url, timeoutMs: 10_000, stateDir: dir });
const locks = await open();
const rivals = await open();
const holder = currentHolder();
const etcd3 = new Etcd3({ hosts: `http://${server.endpoint}` });

try {
  const throughput = await interleaved(ROUNDS, [
    {
      name: "dcs",
      run: () =>
        perSecond(CYCLES, CONCURRENCY, async (worker) => {
          const name = `dcs-${worker}`;
          const hold = await locks.acquire({ name, ttlMs: TTL_S * 1000, waitMs: 0, holder, detached: false });
          await locks.release(name, hold.token);
        }),
    },
    {
      name: "etcd3's Lock",
      run: () =>
        perSecond(CYCLES, CONCURRENCY, async (worker) => {
          await (await etcd3.lock(`etcd3-${worker}`).ttl(TTL_S).acquire()).release();
        }),
    },
  ]);
  const peer = throughput.get("etcd3's Lock") ?? Number.NaN;
  print(
    [`ACQUIRE + RELEASE ON ETCD, ${CONCURRENCY} AT A TIME`, "CYCLES/S", "OF ETCD3"],
    [...throughput].map(([name, value]) => [name, value.toFixed(0), (value / peer).toFixed(2)]),
  );

  const delays: number[] = [];
  const acquire = (side: number) =>
    (side === 0 ? locks : rivals).acquire({
      name: "hand-off",
      ttlMs: TTL_S * 1000,
      waitMs: Number.POSITIVE_INFINITY,
      holder,
      detached: false,
    });
  let hold = await acquire(0);
  for (let i = 0; i < HAND_OFFS; i++) {
    const waiting = acquire((i + 1) % 2);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const begin = performance.now();
    const released = (i % 2 === 0 ? locks : rivals).release("hand-off", hold.token);
    hold = await waiting;
    delays.push(performance.now() - begin);
    await released;
  }
  const handOff = { p50Ms: quantile(delays, 0.5), p99Ms: quantile(delays, 0.99) };
  print(
    ["HAND-OFF ON ETCD", "P50 MS", "P99 MS"],
    [["dcs", handOff.p50Ms.toFixed(2), handOff.p99Ms.toFixed(2)]],
  );

  const processes = wholeProcesses(
    [
      ["node -e 0", [process.execPath, "-e", "0"]],
      ["etcdctl lock x true", ["etcdctl", "--endpoints", server.endpoint, "lock", "x", "true"]],
      [
        "dcs lock acquire -- true",
        [
          process.execPath,
          DCS,
          "lock",
          "acquire",
          "y",
          "--ttl",
          "1s",
          "--wait",
          "9s",
          "-q",
          "--store",
          server.url,
          "--",
          "true",
        ],
      ],
      ["dcs lock ls", [process.execPath, DCS, "lock", "ls", "--store", server.url]],
    ],
    { PATH: process.env["PATH"], HOME: dir, ETCDCTL_API: "3", DCS_STATE_DIR: join(dir, "state") },
  );
  const first = processes[0]?.ms ?? Number.NaN;
  print(
    ["WHOLE PROCESS ON ETCD", "MEDIAN MS", "RATIO"],
    processes.map((row) => [row.name, row.ms.toFixed(1), (row.ms / first).toFixed(2)]),
  );
  const figures = { throughput: Object.fromEntries(throughput), handOff, processes };
  console.log(JSON.stringify({ bench: "lock-etcd", node: process.version, pinned: canPin, ...figures }));
} finally {
  await locks.close();
  await rivals.close();
  etcd3.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}
