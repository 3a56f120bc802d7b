import { spawn } from "node:child_process";
import { once } from "node:events";
import { Etcd3, type IOptions } from "etcd3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import { runDcs } from "../support/cli.ts";
import { engineProgram } from "../support/engines.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { sharedEtcd } from "../support/shared-etcd.ts";
import { until } from "../support/until.ts";

/** What etcd3 and etcdctl do when left to themselves, and that dcs does not. */

const etcd = sharedEtcd();
const box = sandboxPerTest();
let proxy: FaultyProxy;
let prefix: string;
const opened: { close(): unknown }[] = [];

beforeEach(async () => {
  proxy = await FaultyProxy.start(etcd.server.port);
  prefix = `${etcd.space()}/`;
});

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  await proxy[Symbol.asyncDispose]();
});

/** etcd3 as it comes, over the proxy unless told otherwise. */
function naive(port = proxy.port, options: Partial<IOptions> = {}): Etcd3 {
  const client = new Etcd3({ hosts: `http://127.0.0.1:${port}`, ...options });
  opened.push(client);
  return client;
}

async function store(port = proxy.port, timeoutMs = 10_000) {
  const url = `etcd://127.0.0.1:${port}${prefix.slice(0, -1)}`;
  const opening = await openStore(url, { timeoutMs, stateDir: "/nowhere" });
  opened.push(opening);
  return opening;
}

const versionOf = (key: string): number => {
  const { kvs } = JSON.parse(etcd.server.mustCtl("get", key, "-w", "json"));
  return kvs?.[0]?.version ?? 0;
};

describe("a transaction whose answer is lost, again and again", () => {
  /** Loses answer and connection each time that the change has been made; resolves when `work` settles. */
  async function losingAnswers(work: () => Promise<unknown>, key: string): Promise<void> {
    // The greeting passes, so that a new connection can be used.
    Object.assign(proxy, { mode: "drop-answers", after: 1 });
    let done = false;
    const settled = work().then(
      () => {},
      () => {},
    );
    void settled.then(() => {
      done = true;
    });
    for (let made = 1; made <= 3 && !done; made++) {
      await until(() => done || versionOf(key) >= made, 20_000);
      if (made === 3) proxy.mode = "pass";
      proxy.cut();
    }
    proxy.mode = "pass";
    await settled;
  }

  it("etcd3 makes it more than once", async () => {
    const client = naive();
    const key = `${prefix}n`;
    await client.get(key);
    await losingAnswers(
      () => client.if(`${prefix}x`, "Version", "==", 0).then(client.put(key).value("1")).commit(),
      key,
    );
    expect(versionOf(key)).toBeGreaterThan(1);
  });

  it("dcs makes it once", async () => {
    const ours = await store(proxy.port, 2000);
    await ours.get("n");
    await losingAnswers(
      () => ours.txn({ compares: [{ key: "x", is: "absent" }], ops: [{ put: "n", value: "1" }] }),
      `${prefix}n`,
    );
    expect(versionOf(`${prefix}n`)).toBe(1);
  });
});

describe("a watch that is cut when it has just begun", () => {
  const COUNT = 100;

  /** The revision of the first of many puts. */
  async function fill(): Promise<number> {
    const direct = await store(etcd.server.port);
    const { revision } = await direct.txn({ ops: [{ put: "w/1", value: "" }] });
    for (let i = 2; i <= COUNT; i++) await direct.txn({ ops: [{ put: `w/${i}`, value: "" }] });
    return revision;
  }

  it("etcd3 goes on from where the store is, and misses what it asked for", async () => {
    const from = await fill();
    const seenCutShort = async (end: string): Promise<readonly string[]> => {
      const before = proxy.accepted;
      const watcher = naive().watch().prefix(`${prefix}w/`).startRevision(String(from)).watcher();
      const seen: string[] = [];
      watcher.on("put", (kv) => seen.push(kv.key.toString().slice(prefix.length)));
      // etcd answers at once that the watch is there; the past follows within 0.1 s.
      watcher.once("connected", () => proxy.cut());
      await until(() => proxy.accepted >= before + 2);
      await until(() => {
        etcd.server.mustCtl("put", `${prefix}${end}`, "");
        return seen.includes(end);
      });
      await watcher.cancel();
      return seen;
    };
    // Where the past came sooner than the cut, nothing is missed: then again.
    let seen: readonly string[] = ["w/1"];
    for (let i = 0; i < 10 && seen.includes("w/1"); i++) seen = await seenCutShort(`w/end-${i}`);
    expect(seen).not.toContain("w/1");
  });

  it.each([1, 2])("dcs misses nothing, cut after %d pieces of answer", async (pieces) => {
    const from = await fill();
    const ours = await store();
    await ours.get("a");
    proxy.cutIn = pieces;
    const seen: string[] = [];
    const stop = new AbortController();
    const done = (async () => {
      for await (const batch of ours.watch("w/", from, stop.signal)) {
        for (const event of batch.events) if (event.type === "put") seen.push(event.kv.key);
      }
    })();
    await until(() => seen.length >= COUNT);
    // Everything may have come in the one piece before the cut; then the watch is there again only after this. A second piece
    // may not have come at all.
    if (pieces === 1) await until(() => proxy.accepted > 1);
    expect(seen).toEqual(Array.from({ length: COUNT }, (_, i) => `w/${i + 1}`));
    stop.abort();
    await done;
  });
});

it("a watch of revisions that the store has lost: etcd3 stays silent, dcs lists again", async () => {
  const direct = await store(etcd.server.port);
  const { revision } = await direct.txn({ ops: [{ put: "w/a", value: "" }] });
  // As after a restore from an old backup: the store is far behind what the watcher has seen.
  const future = revision + 5000;
  const watcher = await naive().watch().prefix(`${prefix}w/`).startRevision(String(future)).create();
  let said = 0;
  watcher.on("put", () => said++);
  const batches: boolean[] = [];
  const stop = new AbortController();
  const done = (async () => {
    for await (const batch of direct.watch("w/", future, stop.signal)) batches.push(batch.resync);
  })();
  await until(() => batches.length === 1);
  await direct.txn({ ops: [{ put: "w/b", value: "" }] });
  await until(() => batches.length === 2);
  expect(batches).toEqual([true, false]);
  expect(said).toBe(0);
  stop.abort();
  await done;
  await watcher.cancel();
});

it("a lease cut off from etcd: etcd3 says that it is lost after another has taken its place", async () => {
  const client = naive();
  const lock = client.lock(`${prefix}lock`).ttl(2);
  await lock.acquire();
  const lease = client.lease(2);
  let isLost = false;
  lease.on("lost", () => {
    isLost = true;
  });
  await lease.put(`${prefix}mine`).value("");
  await once(lease, "keepaliveSucceeded");
  proxy.mode = "black-hole";
  const other = naive(etcd.server.port);
  const takes = () =>
    other
      .lock(`${prefix}lock`)
      .ttl(60)
      .acquire()
      .then(
        () => true,
        () => false,
      );
  await until(takes, 10_000, 50);
  await until(() => versionOf(`${prefix}mine`) === 0);
  // Two are in at once, and the first has not been told. The guard of dcs stops its command before: guard-cut-off.test.ts.
  expect(isLost).toBe(false);
});

describe("the queue of a lock", () => {
  const at = () => ["--store", `${etcd.server.url}${prefix.slice(0, -1)}`];
  const keys = () =>
    etcd.server.mustCtl("get", prefix, "--prefix", "--keys-only").split("\n").filter(Boolean);

  it("etcdctl waits for a/b where it asks for a; dcs does not", async () => {
    const acquire = async (name: string) =>
      (await runDcs(["lock", "acquire", name, "--ttl", "60s", "--json", ...at()])).json()["data"] as {
        token: string;
      };
    const inner = await acquire("a/b");
    const outer = await acquire("a");
    await runDcs(["lock", "release", "a", "--token", outer.token, ...at()]);
    const words = [`--endpoints=${etcd.server.endpoint}`, "lock", `${prefix}a`, "echo", "in"];
    const etcdctl = spawn(engineProgram("etcdctl"), words, { env: { ...process.env, ETCDCTL_API: "3" } });
    const ended = once(etcdctl, "exit");
    let said = "";
    etcdctl.stdout.on("data", (text) => {
      said += text;
    });
    const isQueued = (key: string) => /\/a\/[0-9a-f]+$/.test(key) && !key.includes("/dcs/");
    await until(() => keys().some(isQueued));
    // It holds by the rules of both, and does not know it.
    const refused = await runDcs(["lock", "acquire", "a", "--json", ...at()]);
    expect(refused.json()).toMatchObject({ error: { code: "LOCK_HELD" } });
    expect(said).toBe("");
    await runDcs(["lock", "release", "a/b", "--token", inner.token, ...at()]);
    await ended;
    expect(said).toContain("in");
  });

  it("an answer that comes after the TTL is no hold", async () => {
    const url = `etcd://127.0.0.1:${proxy.port}${prefix.slice(0, -1)}`;
    await using locks = await openLocks({ url, timeoutMs: 20_000, stateDir: "/nowhere" });
    const holder = { host: "elsewhere", pid: 1, command: "test" };
    const request = { name: "late", ttlMs: 4000, waitMs: 0, holder, detached: false };
    // A lease that is young serves the next hold too, so that this is one question.
    for (let last = "", isYoung = false; !isYoung; ) {
      const begin = performance.now();
      const { lease, token } = await locks.acquire(request);
      await locks.release("late", token);
      isYoung = lease !== last && performance.now() - begin < 40;
      last = lease;
    }
    const isThere = () => keys().some((key) => key.startsWith(`${prefix}late/`));
    proxy.mode = "late";
    const late = locks.acquire(request);
    late.catch(() => {});
    await until(isThere);
    await until(() => !isThere(), 15_000, 50);
    proxy.deliver();
    await expect(late).rejects.toMatchObject({ code: "LOCK_LOST" });
  });

  it("a waiter whose own place is gone does not take the lock when the one before goes", async () => {
    await using locks = await openLocks({
      url: `${etcd.server.url}${prefix.slice(0, -1)}`,
      timeoutMs: 5000,
      stateDir: "/nowhere",
    });
    const holder = { host: "elsewhere", pid: 1, command: "test" };
    const first = await locks.acquire({ name: "q", ttlMs: 60_000, waitMs: 0, holder, detached: false });
    const waiter = box.start("lock", "acquire", "q", "--wait", "forever", ...at(), "--", "echo", "ran");
    await until(() => waiter.stderr().includes("waiting"));
    const [mine, theirs] = keys()
      .filter((key) => key.startsWith(`${prefix}q/`))
      .sort((key) => (key.endsWith(first.lease.padStart(16, "0")) ? -1 : 1));
    // In one transaction, leases untouched: nothing but a look at one's own key can tell.
    const words = [`--endpoints=${etcd.server.endpoint}`, "txn"];
    const txn = spawn(engineProgram("etcdctl"), words, { env: { ...process.env, ETCDCTL_API: "3" } });
    txn.stdin.end(`\ndel ${theirs}\ndel ${mine}\n\n\n`);
    await once(txn, "exit");
    expect(await waiter.done).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringContaining("LOCK_LOST"),
    });
  });
});
