import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../../src/core/store/store.ts";
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
