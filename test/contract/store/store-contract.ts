import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ListOptions, Store } from "../../../src/core/store/store.ts";
import { leasesSuite } from "./leases-suite.ts";
import type { StoreHarness } from "./store-harness.ts";
import { transactionsSuite } from "./transactions-suite.ts";
import { watchSuite } from "./watch-suite.ts";

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

    const world = () => ({ harness, store, other, stop });

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

    transactionsSuite(world);
    leasesSuite(world);
    watchSuite(world);

    it("refuses work whose signal is aborted", async () => {
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(store.get("a", { signal })).rejects.toThrow("enough");
      await expect((async () => store.txn({ ops: [] }, { signal }))()).rejects.toThrow("enough");
    });
  });
}
