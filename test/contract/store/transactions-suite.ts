import { describe, expect, it } from "vitest";
import type { Store } from "../../../src/core/store/store.ts";
import { lease, type StoreWorld } from "./store-harness.ts";

/** Compare, and change all or nothing. */
export function transactionsSuite(world: () => StoreWorld): void {
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
      const { store, other } = world();
      await store.txn({ ops: [{ put: "a", value: "1" }] });
      const result = await store.txn({ compares: [compare], ops: [{ put: "b", value: "x" }] });
      expect(result.succeeded).toBe(holds);
      expect((await other.get("b")) !== null).toBe(holds);
    });

    it("compares revisions and leases of a key", async () => {
      const { store } = world();
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
      const { store } = world();
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
      const { store, other } = world();
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
      const { store, other } = world();
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
      const { store, other } = world();
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
      const { store, other } = world();
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
      const { store, other } = world();
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
      const { store, other } = world();
      const refused = lease(60_000);
      await store.txn({ compares: [{ key: "x", is: "present" }], ops: [], grant: refused });
      expect(await store.lease(refused.id)).toBeNull();
      const made = lease(60_000);
      await store.txn({ ops: [{ put: "x", value: "", lease: made.id }], grant: made });
      expect((await other.lease(made.id))?.keys).toEqual(["x"]);
    });
  });
}
