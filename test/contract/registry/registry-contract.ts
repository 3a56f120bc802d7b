import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listServices } from "../../../src/core/registry/catalog.ts";
import type { InstanceSpec } from "../../../src/core/registry/instance.ts";
import { Registrar } from "../../../src/core/registry/registrar.ts";
import type { RegistrarEvent } from "../../../src/core/registry/registrar-events.ts";
import type { RegistrarOptions } from "../../../src/core/registry/registrar-options.ts";
import type { Store } from "../../../src/core/store/store.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { newLeaseId } from "../../../src/core/util/ids.ts";
import { until } from "../../support/until.ts";
import type { StoreHarness } from "../store/store-harness.ts";
import { deregisterSuite } from "./deregister-suite.ts";
import { readingSuite } from "./reading-suite.ts";
import { type Running, spec } from "./registry-harness.ts";

const HOLDER = { host: "elsewhere", pid: 1, command: "registry contract" };
const TTL = 3000;

/** What the registry promises on every store driver. */
export function registryContract(name: string, setUp: () => Promise<StoreHarness>): void {
  describe(`registry contract: ${name}`, () => {
    let harness: StoreHarness;
    let store: Store;
    let other: Store;
    let stop: AbortController;
    const registrars: Registrar[] = [];

    beforeEach(async () => {
      harness = await setUp();
      store = await harness.open();
      other = await harness.open();
      stop = new AbortController();
    });

    afterEach(async () => {
      stop.abort();
      for (const registrar of registrars.splice(0)) await registrar.close().catch(() => {});
      await store.close();
      await other.close();
      await harness.destroy();
    });

    async function register(
      specs: readonly InstanceSpec[],
      over: Partial<RegistrarOptions> = {},
    ): Promise<Running> {
      const events: RegistrarEvent[] = [];
      const registrar = await Registrar.start({
        store,
        clock: systemClock,
        holder: HOLDER,
        ttlMs: TTL,
        instances: specs.map((one) => ({ spec: one, checked: false })),
        onEvent: (event) => events.push(event),
        ...over,
      });
      registrars.push(registrar);
      return { registrar, events, said: () => events.map((event) => event.type) };
    }

    async function ids(): Promise<readonly string[]> {
      const { services } = await listServices(other, {});
      return services.flatMap((service) => service.instances.map((one) => `${one.id} ${one.status}`));
    }

    /** Without the farewells, which end by themselves. */
    async function heldLeases() {
      const leases = await other.leases();
      return leases.filter(({ keys }) => !keys.every((key) => key.startsWith("/dcs/farewells/")));
    }

    describe("registering", () => {
      it("puts instances on one lease, at the keys and in the form that Go reads", async () => {
        const { registrar, said } = await register([
          spec("10.0.0.1:80", { weight: 5, tags: ["a"] }),
          spec("[::1]:80"),
        ]);
        expect(said()).toEqual(["registered"]);
        const kv = await other.get("/services/web/10.0.0.1:80");
        expect(kv?.lease).toBe(registrar.lease);
        const value = JSON.parse(kv?.value ?? "");
        expect(value).toMatchObject({ Op: 0, Addr: "10.0.0.1:80" });
        expect(typeof value.Metadata).toBe("string");
        expect((await other.leases()).map((lease) => lease.keys.length)).toEqual([2]);
        const { services } = await listServices(other, {});
        expect(services[0]?.instances[0]).toMatchObject({
          id: "web/10.0.0.1:80",
          endpoint: "10.0.0.1:80",
          weight: 5,
          tags: ["a"],
          status: "ready",
          foreign: false,
        });
      });

      it("takes many instances at once", async () => {
        const specs = Array.from({ length: 300 }, (_, n) => spec(`10.0.${n >> 8}.${n & 255}:80`));
        const { registrar } = await register(specs);
        expect(await ids()).toHaveLength(300);
        expect(await other.lease(registrar.lease ?? "")).toMatchObject({ holder: HOLDER });
        await registrar.deregister({ by: "test", reason: null }, { drain: false });
        expect(await ids()).toEqual([]);
        expect(await heldLeases()).toEqual([]);
      });

      it("outlives its TTL while it is kept", async () => {
        const { registrar, said } = await register([spec()], {
          ttlMs: Math.max(600, store.capabilities.minTtlMs),
        });
        const info = await other.lease(registrar.lease ?? "");
        const end = performance.now() + (info?.ttlMs ?? 0) * 2;
        await until(() => performance.now() > end, 60_000, 50);
        expect(await ids()).toEqual(["web/10.0.0.1:80 ready"]);
        expect(said()).toEqual(["registered"]);
      });

      it("refuses an address that another registrant holds, and leaves nothing behind", async () => {
        await register([spec()]);
        const attempt = register([spec(), spec("10.0.0.2:80")], { store: other, waitMs: 100 });
        await expect(attempt).rejects.toMatchObject({
          code: "INSTANCE_TAKEN",
          details: { instance: "web/10.0.0.1:80", holder: HOLDER },
        });
        expect(await ids()).toEqual(["web/10.0.0.1:80 ready"]);
        expect(await other.leases()).toHaveLength(1);
      });

      it("takes over an address as soon as the other registrant goes", async () => {
        const first = await register([spec()]);
        const said: string[] = [];
        const second = register([spec("10.0.0.1:80", { version: "v2" })], {
          store: other,
          waitMs: 20_000,
          onEvent: (event) => said.push(event.type),
        });
        await until(() => said.includes("taken"));
        await first.registrar.deregister({ by: "test", reason: null }, { drain: false });
        await second;
        expect(said).toEqual(["taken", "registered"]);
        const { services } = await listServices(store, {});
        expect(services[0]?.instances[0]?.version).toBe("v2");
      });

      it("never deletes what another registrant put at its address", async () => {
        const { registrar, said } = await register([spec()]);
        const lease = await other.grant({ id: newLeaseId(), ttlMs: 30_000, holder: HOLDER });
        await other.txn({ ops: [{ put: "/services/web/10.0.0.1:80", value: "theirs", lease: lease.id }] });
        await until(() => said().includes("lost"));
        registrar.setHealth("web/10.0.0.1:80", false, "down");
        await registrar.deregister({ by: "test", reason: null }, { drain: false });
        expect((await other.get("/services/web/10.0.0.1:80"))?.value).toBe("theirs");
      });
    });

    describe("health", () => {
      it("moves an instance between its two keys, and shows why it is not ready", async () => {
        const running = await register([], { instances: [{ spec: spec(), checked: true }] });
        expect(running.said()).toEqual(["pending"]);
        expect(await ids()).toEqual(["web/10.0.0.1:80 unready"]);
        expect(await other.get("/services/web/10.0.0.1:80")).toBeNull();
        running.registrar.setHealth("web/10.0.0.1:80", true, null);
        await until(() => running.said().includes("registered"));
        expect(await ids()).toEqual(["web/10.0.0.1:80 ready"]);
        running.registrar.setHealth("web/10.0.0.1:80", false, "HTTP 503");
        await until(() => running.said().includes("unhealthy"));
        const { services } = await listServices(other, {});
        expect(services[0]?.instances[0]).toMatchObject({ status: "unready", detail: "HTTP 503" });
        expect((await listServices(other, { readyOnly: true })).services).toEqual([]);
        running.registrar.setHealth("web/10.0.0.1:80", true, null);
        await until(() => running.said().includes("healthy"));
        expect(await ids()).toEqual(["web/10.0.0.1:80 ready"]);
      });

      it("says why an instance is not ready before it ever was", async () => {
        const { registrar, said } = await register([], { instances: [{ spec: spec(), checked: true }] });
        registrar.setHealth("web/10.0.0.1:80", false, "HTTP 503");
        await until(() => said().length > 1);
        expect(said()).toEqual(["pending", "pending"]);
        expect(registrar.instances[0]?.detail).toBe("HTTP 503");
        registrar.setHealth("web/10.0.0.1:80", true, null);
        await until(() => said().length > 2);
        expect(said()).toEqual(["pending", "pending", "registered"]);
      });

      it("deregisters what stays unready too long", async () => {
        const { registrar, events } = await register([], {
          instances: [{ spec: spec(), checked: true }],
          deregisterAfterMs: 50,
        });
        await expect(registrar.finished).resolves.toMatchObject({ by: "check" });
        expect(events.map((event) => event.type)).toEqual(["pending", "deregistered"]);
      });
    });

    describe("what is lost comes back", () => {
      it("after the lease was revoked", async () => {
        const { registrar, events, said } = await register([spec(), spec("10.0.0.2:80")]);
        const lease = registrar.lease ?? "";
        const began = performance.now();
        await other.revoke(lease);
        await until(() => said().includes("reregistered"));
        expect(performance.now() - began).toBeLessThan(2000);
        expect(said()).toEqual(["registered", "lost", "reregistered"]);
        expect(events[1]).toMatchObject({ reason: "revoked", lease });
        expect(registrar.lease).not.toBe(lease);
        expect(await ids()).toEqual(["web/10.0.0.1:80 ready", "web/10.0.0.2:80 ready"]);
      });

      it("after its key was deleted without a marker", async () => {
        const { registrar, events, said } = await register([spec(), spec("10.0.0.2:80")]);
        const lease = registrar.lease;
        await other.txn({ ops: [{ delete: "/services/web/10.0.0.2:80" }] });
        await until(() => said().includes("reregistered"));
        expect(events[1]).toMatchObject({ reason: "deleted", instances: [{ id: "web/10.0.0.2:80" }] });
        expect(registrar.lease).toBe(lease);
        expect(await ids()).toHaveLength(2);
      });
    });

    const world = () => ({ store, other, stop, register, ids, heldLeases });
    deregisterSuite(world);
    readingSuite(world);
  });
}
