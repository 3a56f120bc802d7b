import { describe, expect, it } from "vitest";
import { until } from "../../support/until.ts";
import { HOLDER, lease, type StoreWorld } from "./store-harness.ts";

/** Keys that live as long as their lease. */
export function leasesSuite(world: () => StoreWorld): void {
  describe("leases", () => {
    it("are granted, listed, inspected and revoked with their keys", async () => {
      const { store, other } = world();
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
      const { store } = world();
      const request = lease(60_000);
      await store.grant(request);
      await store.txn({ ops: [{ put: "k", value: "", lease: request.id }] });
      await store.grant(request);
      expect((await store.lease(request.id))?.keys).toEqual(["k"]);
    });

    it("end after their TTL, with their keys, and not before", async () => {
      const { store, other } = world();
      const request = lease(Math.max(400, store.capabilities.minTtlMs));
      const started = performance.now();
      await store.txn({ ops: [{ put: "k", value: "", lease: request.id }], grant: request });
      await until(async () => (await other.get("k")) === null, 20_000);
      expect(performance.now() - started).toBeGreaterThanOrEqual(request.ttlMs - 1);
      await expect(store.keepAlive(request.id)).rejects.toMatchObject({ code: "LEASE_NOT_FOUND" });
      await expect(store.setHolder(request.id, HOLDER)).rejects.toMatchObject({ code: "LEASE_NOT_FOUND" });
    });

    it("live on while they are kept alive", async () => {
      const { store, other } = world();
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
      const { store, other } = world();
      const [old, next] = [lease(60_000), lease(60_000)];
      await store.grant(old);
      await store.grant(next);
      await store.txn({ ops: [{ put: "k", value: "", lease: old.id }] });
      await store.txn({ ops: [{ put: "k", value: "", lease: next.id }] });
      await store.revoke(old.id);
      expect((await other.get("k"))?.lease).toBe(next.id);
    });

    it("show a new holder", async () => {
      const { store, other } = world();
      const request = lease(60_000);
      await store.grant(request);
      await store.setHolder(request.id, { host: "n", pid: 9, command: "new", group: 10 });
      expect((await other.lease(request.id))?.holder).toMatchObject({ host: "n", pid: 9, group: 10 });
    });
  });
}
