import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  GrantRequest,
  ListOptions,
  Store,
  WatchBatch,
  WatchEvent,
} from "../../../src/core/store/store.ts";
import { newLeaseId } from "../../../src/core/util/ids.ts";
import { until } from "../../support/until.ts";

/** One place where stores live: `open` gives a new connection to the same data each time. */
export interface StoreHarness {
  open(): Promise<Store>;
  destroy(): Promise<void>;
  /** How long after its TTL a lease may be there at most, ms; 500 where absent. */
  readonly expiryLagMs?: number;
}

const HOLDER = { host: "elsewhere", pid: 1, command: "contract" };

function lease(ttlMs: number, over: Partial<GrantRequest> = {}): GrantRequest {
  return { id: newLeaseId(), ttlMs, holder: HOLDER, ...over };
}

/** The suite every store driver passes. */
export function storeContract(name: string, setUp: () => Promise<StoreHarness>): void {
  describe(`store contract: ${name}`, () => {
    let harness: StoreHarness;
    let store: Store;
    let other: Store;
    let stop: AbortController;

    beforeEach(async () => {
      harness = await setUp();
      store = await harness.open();
      other = await harness.open();
      stop = new AbortController();
    });

    afterEach(async () => {
      stop.abort();
      await store.close();
      await other.close();
      await harness.destroy();
    });

    /** Collects what a watch delivers, as `put key=value` and `del key`. */
    function follow(from: Store, prefix: string, revision: number) {
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

    describe("keys", () => {
      it("puts, gets and deletes, with revisions that grow", async () => {
        expect(await store.get("a")).toBeNull();
        const first = await store.txn({ ops: [{ put: "a", value: "1" }] });
        const second = await store.txn({ ops: [{ put: "a", value: "2" }] });
        expect(first.succeeded && second.succeeded).toBe(true);
        expect(second.revision).toBeGreaterThan(first.revision);
        expect(await other.get("a")).toEqual({
          key: "a",
          value: "2",
          createRevision: first.revision,
          modRevision: second.revision,
          lease: null,
        });
        await store.txn({ ops: [{ delete: "a" }] });
        expect(await other.get("a")).toBeNull();
        const again = await store.txn({ ops: [{ put: "a", value: "3" }] });
        expect((await other.get("a"))?.createRevision).toBe(again.revision);
      });

      it("lists a prefix in key order, and only that", async () => {
        const keys = ["p/b", "p/a", "p/é", "p/😀", "p", "q/a", "o/z"];
        await store.txn({ ops: keys.map((put) => ({ put, value: put })) });
        const { kvs, revision } = await other.list("p/");
        expect(kvs.map((kv) => kv.key)).toEqual(["p/a", "p/b", "p/é", "p/😀"]);
        expect(revision).toBeGreaterThanOrEqual(kvs[0]?.modRevision ?? Number.POSITIVE_INFINITY);
      });

      it("lists by age, the first so many, and what was there before a revision", async () => {
        const made: number[] = [];
        for (const key of ["p/b", "q/x", "p/a", "p/d", "p/c"]) {
          made.push((await store.txn({ ops: [{ put: key, value: "1" }] })).revision);
        }
        // Later puts of a key do not make it younger.
        await store.txn({ ops: [{ put: "p/b", value: "2" }] });
        const list = async (options: ListOptions) =>
          (await other.list("p/", options)).kvs.map(({ key }) => key.slice(2)).join("");
        expect(await list({ order: "oldest" })).toBe("badc");
        expect(await list({ order: "newest" })).toBe("cdab");
        expect(await list({ limit: 2 })).toBe("ab");
        expect(await list({ order: "oldest", limit: 2 })).toBe("ba");
        expect(await list({ order: "newest", limit: 1 })).toBe("c");
        const createdBefore = made[3] ?? 0;
        expect(await list({ createdBefore })).toBe("ab");
        expect(await list({ order: "newest", limit: 1, createdBefore })).toBe("a");
        expect(await list({ order: "newest", limit: 9, createdBefore: createdBefore + 1 })).toBe("dab");
        expect(await list({ createdBefore: made[0] ?? 0 })).toBe("");
        expect(await list({ createdBefore: 1 })).toBe("");
        const { kvs, revision } = await other.list("p/", { limit: 1, order: "oldest" });
        expect(kvs[0]).toMatchObject({ value: "2", createRevision: made[0] });
        expect(revision).toBeGreaterThanOrEqual(kvs[0]?.modRevision ?? Number.POSITIVE_INFINITY);
      });

      it("keeps revisions as exact numbers", async () => {
        const { revision } = await store.txn({ ops: [{ put: "a", value: "" }] });
        expect(Number.isSafeInteger(revision)).toBe(true);
      });
    });

    describe("transactions", () => {
      it.each([
        ["absent", { key: "a", is: "absent" as const }, false],
        ["present", { key: "a", is: "present" as const }, true],
        ["value", { key: "a", value: "1" }, true],
        ["another value", { key: "a", value: "2" }, false],
        ["a lease it has not", { key: "a", lease: "1f" }, false],
        ["create revision 0", { key: "a", createRevision: 0 }, false],
        ["create revision 0 of no key", { key: "none", createRevision: 0 }, true],
        ["absent of no key", { key: "none", is: "absent" as const }, true],
        ["present of no key", { key: "none", is: "present" as const }, false],
        ["empty value of no key", { key: "none", value: "" }, false],
      ])("compares: %s", async (_what, compare, holds) => {
        await store.txn({ ops: [{ put: "a", value: "1" }] });
        const result = await store.txn({ compares: [compare], ops: [{ put: "b", value: "x" }] });
        expect(result.succeeded).toBe(holds);
        expect((await other.get("b")) !== null).toBe(holds);
      });

      it("compares revisions and leases of a key", async () => {
        const request = lease(60_000);
        const made = await store.txn({ ops: [{ put: "a", value: "1", lease: request.id }], grant: request });
        const moved = await store.txn({ ops: [{ put: "a", value: "2", lease: request.id }] });
        const compares = [
          { key: "a", createRevision: made.revision },
          { key: "a", modRevision: moved.revision },
          { key: "a", lease: request.id },
        ];
        expect((await store.txn({ compares, ops: [] })).succeeded).toBe(true);
        const stale = [{ key: "a", modRevision: made.revision }];
        expect((await store.txn({ compares: stale, ops: [] })).succeeded).toBe(false);
      });

      it("changes all or nothing", async () => {
        await store.txn({ ops: [{ put: "a", value: "1" }] });
        const result = await store.txn({
          compares: [
            { key: "a", is: "present" },
            { key: "b", is: "present" },
          ],
          ops: [{ delete: "a" }, { put: "b", value: "1" }],
        });
        expect(result.succeeded).toBe(false);
        expect(await store.get("a")).not.toBeNull();
        await expect(
          store.txn({
            ops: [
              { put: "c", value: "1" },
              { put: "d", value: "1", lease: "0123456789abcdef" },
            ],
          }),
        ).rejects.toMatchObject({ code: "LEASE_NOT_FOUND" });
        expect(await store.get("c")).toBeNull();
      });

      it("lets one of many rivals win", async () => {
        const rivals = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? store : other));
        const results = await Promise.all(
          rivals.map((rival, i) =>
            rival.txn({
              compares: [{ key: "prize", is: "absent" }],
              ops: [{ put: "prize", value: String(i) }],
            }),
          ),
        );
        expect(results.filter((result) => result.succeeded)).toHaveLength(1);
      });

      it("loses no increment under optimistic retry", async () => {
        await store.txn({ ops: [{ put: "n", value: "0" }] });
        const increment = async (by: Store) => {
          for (;;) {
            const kv = await by.get("n");
            const { succeeded } = await by.txn({
              compares: [{ key: "n", modRevision: kv?.modRevision ?? 0 }],
              ops: [{ put: "n", value: String(Number(kv?.value) + 1) }],
            });
            if (succeeded) return;
          }
        };
        await Promise.all(Array.from({ length: 30 }, (_, i) => increment(i % 2 === 0 ? store : other)));
        expect((await store.get("n"))?.value).toBe("30");
      });

      it("compares a prefix: no key at all below it", async () => {
        const alone = (key: string) =>
          store.txn({ compares: [{ prefix: "q/", is: "absent" }], ops: [{ put: key, value: "" }] });
        await store.txn({
          ops: [
            { put: "q", value: "" },
            { put: "q.", value: "" },
            { put: "q0", value: "" },
          ],
        });
        expect((await alone("q/1")).succeeded).toBe(true);
        expect((await alone("q/2")).succeeded).toBe(false);
        expect(await other.get("q/2")).toBeNull();
      });

      it("ends a lease if and only if it succeeds", async () => {
        const kept = lease(60_000);
        await store.txn({
          ops: [
            { put: "x", value: "", lease: kept.id },
            { put: "y", value: "", lease: kept.id },
          ],
          grant: kept,
        });
        const end = (compare: "absent" | "present") =>
          store.txn({
            compares: [{ key: "x", is: compare }],
            ops: [{ delete: "x" }, { put: "z", value: "" }],
            revoke: kept.id,
          });
        expect((await end("absent")).succeeded).toBe(false);
        expect((await other.lease(kept.id))?.keys).toEqual(["x", "y"]);
        expect((await end("present")).succeeded).toBe(true);
        expect(await other.lease(kept.id)).toBeNull();
        expect((await other.list("")).kvs.map(({ key }) => key)).toEqual(["z"]);
      });

      it("grants one lease and ends another in one step, or neither", async () => {
        const [old, next] = [lease(60_000), lease(60_000)];
        await store.txn({ ops: [{ put: "x", value: "", lease: old.id }], grant: old });
        const replace = (compare: "absent" | "present") =>
          store.txn({
            compares: [{ key: "x", is: compare }],
            ops: [{ put: "y", value: "", lease: next.id }],
            grant: next,
            revoke: old.id,
          });
        expect((await replace("absent")).succeeded).toBe(false);
        expect((await other.lease(old.id))?.keys).toEqual(["x"]);
        expect(await other.lease(next.id)).toBeNull();
        expect((await replace("present")).succeeded).toBe(true);
        expect(await other.lease(old.id)).toBeNull();
        expect((await other.lease(next.id))?.keys).toEqual(["y"]);
        expect(await other.get("x")).toBeNull();
      });

      it("grants a lease if and only if it succeeds", async () => {
        const refused = lease(60_000);
        await store.txn({ compares: [{ key: "x", is: "present" }], ops: [], grant: refused });
        expect(await store.lease(refused.id)).toBeNull();
        const made = lease(60_000);
        await store.txn({ ops: [{ put: "x", value: "", lease: made.id }], grant: made });
        expect((await other.lease(made.id))?.keys).toEqual(["x"]);
      });
    });

    describe("leases", () => {
      it("are granted, listed, inspected and revoked with their keys", async () => {
        const request = lease(60_000, { holder: { host: "h", pid: 7, command: "c" } });
        await store.grant(request);
        await store.txn({
          ops: [
            { put: "b", value: "", lease: request.id },
            { put: "a", value: "", lease: request.id },
          ],
        });
        const info = await other.lease(request.id);
        expect(info).toMatchObject({ id: request.id, ttlMs: 60_000, detached: false, keys: ["a", "b"] });
        expect(info?.holder).toMatchObject({ host: "h", pid: 7, command: "c" });
        expect(info?.remainingMs).toBeGreaterThan(50_000);
        expect((await other.leases()).map((each) => each.id)).toContain(request.id);
        expect(await other.revoke(request.id)).toBe(true);
        expect(await other.revoke(request.id)).toBe(false);
        expect(await store.get("a")).toBeNull();
        expect(await store.lease(request.id)).toBeNull();
      });

      it("are idempotent to grant", async () => {
        const request = lease(60_000);
        await store.grant(request);
        await store.txn({ ops: [{ put: "k", value: "", lease: request.id }] });
        await store.grant(request);
        expect((await store.lease(request.id))?.keys).toEqual(["k"]);
      });

      it("end after their TTL, with their keys, and not before", async () => {
        const request = lease(Math.max(400, store.capabilities.minTtlMs));
        const started = performance.now();
        await store.txn({ ops: [{ put: "k", value: "", lease: request.id }], grant: request });
        await until(async () => (await other.get("k")) === null, 20_000);
        expect(performance.now() - started).toBeGreaterThanOrEqual(request.ttlMs - 1);
        await expect(store.keepAlive(request.id)).rejects.toMatchObject({ code: "LEASE_NOT_FOUND" });
        await expect(store.setHolder(request.id, HOLDER)).rejects.toMatchObject({ code: "LEASE_NOT_FOUND" });
      });

      it("live on while they are kept alive", async () => {
        const request = lease(Math.max(400, store.capabilities.minTtlMs));
        await store.txn({ ops: [{ put: "k", value: "", lease: request.id }], grant: request });
        const end = performance.now() + request.ttlMs * 3;
        while (performance.now() < end) {
          expect((await store.keepAlive(request.id)).ttlMs).toBe(request.ttlMs);
          expect(await other.get("k")).not.toBeNull();
          await new Promise((resolve) => setTimeout(resolve, request.ttlMs / 4));
        }
      });

      it("move with the key to the lease of the last put", async () => {
        const [old, next] = [lease(60_000), lease(60_000)];
        await store.grant(old);
        await store.grant(next);
        await store.txn({ ops: [{ put: "k", value: "", lease: old.id }] });
        await store.txn({ ops: [{ put: "k", value: "", lease: next.id }] });
        await store.revoke(old.id);
        expect((await other.get("k"))?.lease).toBe(next.id);
      });

      it("show a new holder", async () => {
        const request = lease(60_000);
        await store.grant(request);
        await store.setHolder(request.id, { host: "n", pid: 9, command: "new", group: 10 });
        expect((await other.lease(request.id))?.holder).toMatchObject({ host: "n", pid: 9, group: 10 });
      });
    });

    describe("watch", () => {
      it("delivers puts and deletions of the prefix from a revision on, in order", async () => {
        await store.txn({ ops: [{ put: "w/old", value: "0" }] });
        const { revision } = await store.list("w/");
        await store.txn({ ops: [{ put: "w/before", value: "1" }] });
        const watch = follow(other, "w/", revision + 1);
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
        const request = lease(Math.max(400, store.capabilities.minTtlMs));
        const { revision } = await store.txn({
          ops: [{ put: "w/k", value: "", lease: request.id }],
          grant: request,
        });
        const watch = follow(other, "w/", revision + 1);
        const started = performance.now();
        await until(() => watch.seen.includes("del w/k"), 20_000);
        expect(performance.now() - started).toBeLessThan(request.ttlMs + (harness.expiryLagMs ?? 500));
      });

      it("tells a change of another connection soon", async () => {
        const { revision } = await store.list("w/");
        const watch = follow(other, "w/", revision + 1);
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
        const { revision } = await store.txn({ ops: [{ put: "w/k", value: "1" }] });
        const watch = follow(other, "w/", revision + 1_000_000_000_000);
        await until(() => watch.batches.length > 0);
        expect(watch.batches[0]?.resync).toBe(true);
        expect(watch.seen).toEqual(["put w/k=1"]);
      });

      it("ends when the signal aborts, and when the store is closed", async () => {
        const watch = follow(other, "w/", 1);
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

    it("refuses work whose signal is aborted", async () => {
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(store.get("a", { signal })).rejects.toThrow("enough");
      await expect((async () => store.txn({ ops: [] }, { signal }))()).rejects.toThrow("enough");
    });
  });
}

function say(event: WatchEvent): string {
  return event.type === "put" ? `put ${event.kv.key}=${event.kv.value}` : `del ${event.key}`;
}
