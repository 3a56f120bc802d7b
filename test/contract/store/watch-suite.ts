import { describe, expect, it } from "vitest";
import type { Store, WatchBatch, WatchEvent } from "../../../src/core/store/store.ts";
import { until } from "../../support/until.ts";
import { lease, type StoreWorld } from "./store-harness.ts";

/** Every change of a prefix, from a revision on. */
export function watchSuite(world: () => StoreWorld): void {
  describe("watch", () => {
    it("delivers puts and deletions of the prefix from a revision on, in order", async () => {
      const { store, other, stop } = world();
      await store.txn({ ops: [{ put: "w/old", value: "0" }] });
      const { revision } = await store.list("w/");
      await store.txn({ ops: [{ put: "w/before", value: "1" }] });
      const watch = follow(other, "w/", revision + 1, stop);
      await store.txn({ ops: [{ put: "w/a", value: "1" }] });
      await store.txn({ ops: [{ put: "elsewhere", value: "1" }] });
      await store.txn({ ops: [{ delete: "w/before" }] });
      await until(() => watch.seen.includes("del w/before"));
      expect(watch.seen).not.toContain("put w/old=0");
      expect(watch.seen.filter((line) => line.includes("elsewhere"))).toEqual([]);
      expect(watch.seen.indexOf("put w/a=1")).toBeLessThan(watch.seen.indexOf("del w/before"));
      stop.abort();
      await watch.done;
    });

    it("tells of keys that end with their lease soon, also when nobody writes", async () => {
      const { harness, store, other, stop } = world();
      const request = lease(Math.max(400, store.capabilities.minTtlMs));
      const { revision } = await store.txn({
        ops: [{ put: "w/k", value: "", lease: request.id }],
        grant: request,
      });
      const watch = follow(other, "w/", revision + 1, stop);
      const started = performance.now();
      await until(() => watch.seen.includes("del w/k"), 20_000);
      expect(performance.now() - started).toBeLessThan(request.ttlMs + (harness.expiryLagMs ?? 500));
    });

    it("tells a change of another connection soon", async () => {
      const { store, other, stop } = world();
      const { revision } = await store.list("w/");
      const watch = follow(other, "w/", revision + 1, stop);
      const delays: number[] = [];
      for (let i = 0; i < 20; i++) {
        const put = performance.now();
        await store.txn({ ops: [{ put: "w/k", value: String(i) }] });
        await until(() => watch.seen.includes(`put w/k=${i}`), 5000, 0);
        delays.push(performance.now() - put);
      }
      delays.sort((a, b) => a - b);
      expect(delays[10]).toBeLessThan(50);
    });

    it("resumes where the last batch ended, missing nothing", async () => {
      const { store, other, stop } = world();
      const { revision } = await store.list("w/");
      const first = new AbortController();
      let resume = revision + 1;
      const seen: string[] = [];
      const pump = async (signal: AbortSignal) => {
        for await (const batch of other.watch("w/", resume, signal)) {
          seen.push(...batch.events.map(say));
          resume = batch.revision + 1;
        }
      };
      const running = pump(first.signal);
      await store.txn({ ops: [{ put: "w/1", value: "" }] });
      await until(() => seen.length === 1);
      first.abort();
      await running;
      await store.txn({ ops: [{ put: "w/2", value: "" }] });
      await store.txn({ ops: [{ delete: "w/1" }] });
      const rest = pump(stop.signal);
      await until(() => seen.length === 3);
      expect(seen).toEqual(["put w/1=", "put w/2=", "del w/1"]);
      stop.abort();
      await rest;
    });

    it("says resync, with everything there is, when it is asked for a revision of another life of the store", async () => {
      const { store, other, stop } = world();
      const { revision } = await store.txn({ ops: [{ put: "w/k", value: "1" }] });
      const watch = follow(other, "w/", revision + 1_000_000_000_000, stop);
      await until(() => watch.batches.length > 0);
      expect(watch.batches[0]?.resync).toBe(true);
      expect(watch.seen).toEqual(["put w/k=1"]);
    });

    it("ends when the signal aborts, and when the store is closed", async () => {
      const { harness, other, stop } = world();
      const watch = follow(other, "w/", 1, stop);
      const closing = await harness.open();
      const unaborted = (async () => {
        for await (const _ of closing.watch("none/", 1_000_000, new AbortController().signal)) {
          // Only the end is awaited.
        }
      })();
      await closing.close();
      stop.abort();
      await watch.done;
      await unaborted;
    });
  });
}

/** Collects what a watch delivers, as `put key=value` and `del key`. */
function follow(from: Store, prefix: string, revision: number, stop: AbortController) {
  const seen: string[] = [];
  const batches: WatchBatch[] = [];
  const done = (async () => {
    for await (const batch of from.watch(prefix, revision, stop.signal)) {
      batches.push(batch);
      seen.push(...batch.events.map(say));
    }
  })();
  return { seen, batches, done };
}

function say(event: WatchEvent): string {
  return event.type === "put" ? `put ${event.kv.key}=${event.kv.value}` : `del ${event.key}`;
}
