import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/core/store/open-store.ts";
import type { Store, WatchBatch, WatchEvent } from "../../src/core/store/store.ts";
import { EtcdServer } from "../support/etcd.ts";
import { expectWithin } from "../support/expect-within.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";

function say(event: WatchEvent): string {
  return event.type === "put" ? `put ${event.kv.key}=${event.kv.value}` : `del ${event.key}`;
}

describe("etcd watch under faults", () => {
  let server: EtcdServer;
  let proxy: FaultyProxy;
  let direct: Store;
  let store: Store;
  let stop: AbortController;

  beforeEach(async () => {
    server = await EtcdServer.start();
    proxy = await FaultyProxy.start(server.port);
    direct = await server.open();
    store = await openStore(`etcd://127.0.0.1:${proxy.port}`, { timeoutMs: 5000, stateDir: "/nowhere" });
    stop = new AbortController();
  });

  afterEach(async () => {
    stop.abort();
    await store.close();
    await direct.close();
    await proxy[Symbol.asyncDispose]();
    await server.stop();
  });

  /** Starts the server again; what was connected to the old one learns of it by a read. */
  async function restart(): Promise<void> {
    await server.start();
    await direct.get("a");
  }

  const put = (key: string, value = "") => direct.txn({ ops: [{ put: key, value }] });

  function follow(from: number) {
    const seen: string[] = [];
    const batches: WatchBatch[] = [];
    const done = (async () => {
      for await (const batch of store.watch("w/", from, stop.signal)) {
        batches.push(batch);
        seen.push(...batch.events.map(say));
      }
    })();
    return { seen, done, resyncs: () => batches.filter((batch) => batch.resync) };
  }

  /** What is done while the watcher is cut off. */
  async function away(work: () => Promise<unknown>): Promise<void> {
    proxy.mode = "black-hole";
    proxy.cut();
    await work();
    proxy.mode = "pass";
    proxy.cut();
  }

  it("goes on without a gap across a server that is killed and restarted", async () => {
    const { revision } = await put("w/a");
    const watch = follow(revision + 1);
    await put("w/b");
    await until(() => watch.seen.length === 1);
    await server.kill();
    await restart();
    const back = performance.now();
    await put("w/c");
    await direct.txn({ ops: [{ delete: "w/a" }] });
    await until(() => watch.seen.length === 3);
    expectWithin(performance.now() - back, 2000);
    expect(watch.seen).toEqual(["put w/b=", "put w/c=", "del w/a"]);
    expect(watch.resyncs()).toEqual([]);
  });

  it("hears of a deletion whose very revision was compacted while it was away", async () => {
    const { revision } = await put("w/a");
    const watch = follow(revision + 1);
    await put("w/b");
    await until(() => watch.seen.length === 1);
    await away(async () => {
      const deleted = await direct.txn({ ops: [{ delete: "w/a" }] });
      server.mustCtl("compact", String(deleted.revision));
    });
    await put("w/c");
    await until(() => watch.seen.includes("put w/c="));
    // What is not in a list of everything is gone; a server that keeps the deletion tells it by itself.
    const [resync] = watch.resyncs();
    if (resync === undefined) expect(watch.seen).toContain("del w/a");
    else expect(resync.events.map(say)).not.toContain("put w/a=");
  });

  it("begins where it was asked to, and resumes where it was cut, not later", async () => {
    const first = await put("w/0");
    for (let i = 1; i <= 50; i++) await put(`w/${i}`);
    const watch = follow(first.revision + 1);
    await until(() => watch.seen.length === 50);
    await away(async () => {
      for (let i = 51; i <= 100; i++) await put(`w/${i}`);
    });
    await until(() => watch.seen.length === 100);
    expect(watch.seen).toEqual(Array.from({ length: 100 }, (_, i) => `put w/${i + 1}=`));
    expect(watch.resyncs()).toEqual([]);
  });

  it("lists again after a compaction while it was away", async () => {
    const { revision } = await put("w/a");
    const watch = follow(revision + 1);
    await put("w/b", "1");
    await until(() => watch.seen.length === 1);
    await away(async () => {
      await direct.txn({ ops: [{ delete: "w/a" }] });
      const last = await put("w/b", "2");
      await put("w/c");
      server.mustCtl("compact", String(last.revision));
    });
    await until(() => watch.resyncs().length === 1);
    expect(watch.resyncs()[0]?.events.map(say)).toEqual(["put w/b=2", "put w/c="]);
    await put("w/d");
    await until(() => watch.seen.at(-1) === "put w/d=");
  });

  it("lists again when the server has lost its data, instead of waiting for a revision that is far", async () => {
    for (let i = 0; i < 20; i++) await put("w/a");
    const { revision } = await put("w/a");
    const watch = follow(revision + 1);
    await put("w/b");
    await until(() => watch.seen.length === 1);
    await server.kill();
    server.wipe();
    await restart();
    await put("w/new");
    await until(() => watch.seen.includes("put w/new="));
    expect(watch.resyncs()).not.toEqual([]);
    await direct.txn({ ops: [{ delete: "w/new" }] });
    await until(() => watch.seen.at(-1) === "del w/new");
  });

  it("notices a server that has fallen silent, and connects anew", async () => {
    const { revision } = await put("w/a");
    const watch = follow(revision + 1);
    await put("w/b");
    await until(() => watch.seen.length === 1);
    proxy.mode = "black-hole";
    await put("w/c");
    await until(async () => (await server.metric("etcd_debugging_mvcc_watcher_total")) === 0, 12_000, 100);
    proxy.mode = "pass";
    proxy.cut();
    await until(() => watch.seen.length === 2);
    expect(watch.seen).toEqual(["put w/b=", "put w/c="]);
  });

  it("waits for a server that is not there yet, and ends when it is told to", async () => {
    await server.kill();
    const watch = follow(1);
    await restart();
    await put("w/a");
    await until(() => watch.seen.includes("put w/a="));
    await server.kill();
    stop.abort();
    await watch.done;
  });
});
