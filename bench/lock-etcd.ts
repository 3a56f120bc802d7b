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

const CYCLES = 1500;
const CONCURRENCY = 50;
const ROUNDS = 3;
const TTL_S = 30;
const DCS = fileURLToPath(new URL("../bin/dcs.js", import.meta.url));

const dir = mkdtempSync(join(tmpdir(), "dcs-bench-"));
const server = await EtcdServer.start();
pin(server.pid, 0);
pin(process.pid, 1);
const open = () => openLocks({ url: server.url, timeoutMs: 10_000, stateDir: dir });
const locks = await open();
const drivers = await Promise.all(forContenders(open));
const holder = currentHolder();
const dcs = (verb: string) => [process.execPath, DCS, "lock", verb, "--store", server.url];
const etcd3 = new Etcd3({ hosts: `http://${server.endpoint}` });
const bareClients = forContenders(() => new Etcd3({ hosts: `http://${server.endpoint}` }));

/** A place in a queue with nothing around it: put a key, watch the one before it, look again. */
async function bareQueue(client: Etcd3): Promise<() => Promise<unknown>> {
  const lease = client.lease(TTL_S, { autoKeepAlive: false });
  const key = `bare/${await lease.grant()}`;
  await lease.put(key).value("");
  for (;;) {
    const { kvs } = await client.getAll().prefix("bare/").sort("Create", "Ascend").exec();
    const before = kvs[kvs.findIndex((kv) => kv.key.toString() === key) - 1];
    if (before === undefined) return () => lease.revoke();
    const watcher = await client.watch().key(before.key).startRevision(before.mod_revision).create();
    await new Promise<void>((resolve) => watcher.on("delete", () => resolve()));
    void watcher.cancel();
  }
}

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

  const handedOver = await handOffs("HAND-OFF ON ETCD", {
    dcs: async (contender) => {
      const driver = at(drivers, contender);
      const hold = await driver.acquire({
        name: "hand-off",
        ttlMs: TTL_S * 1000,
        waitMs: Number.POSITIVE_INFINITY,
        holder,
        detached: false,
      });
      return () => driver.release(hold.name, hold.token);
    },
    "bare queue of etcd3": (contender) => bareQueue(at(bareClients, contender)),
  });

  const processes = wholeProcesses(
    [
      ["node -e 0", [process.execPath, "-e", "0"]],
      ["etcdctl lock x true", ["etcdctl", "--endpoints", server.endpoint, "lock", "x", "true"]],
      ["dcs lock acquire", [...dcs("acquire"), "z{run}", "--ttl", "60s", "-q"]],
      ["dcs lock acquire -- true", [...dcs("acquire"), "y", "--wait", "9s", "-q", "--", "true"]],
      ["dcs lock ls", dcs("ls")],
    ],
    { PATH: process.env["PATH"], HOME: dir, ETCDCTL_API: "3", DCS_STATE_DIR: join(dir, "state") },
  );
  const first = processes[0]?.ms ?? Number.NaN;
  print(
    ["WHOLE PROCESS ON ETCD", "MEDIAN MS", "RATIO"],
    processes.map((row) => [row.name, row.ms.toFixed(1), (row.ms / first).toFixed(2)]),
  );
  const figures = { throughput: Object.fromEntries(throughput), handOffs: handedOver, processes };
  console.log(JSON.stringify({ bench: "lock-etcd", node: process.version, pinned: canPin, ...figures }));
} finally {
  await locks.close();
  for (const driver of drivers) await driver.close();
  etcd3.close();
  for (const client of bareClients) client.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}
