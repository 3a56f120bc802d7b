import { describe, expect, it } from "vitest";
import { listServices } from "../../../src/core/registry/catalog.ts";
import { watchServices } from "../../../src/core/registry/watch-services.ts";
import type { Store } from "../../../src/core/store/store.ts";
import { resolve } from "../../../src/core/traffic/resolve.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { until } from "../../support/until.ts";
import { type RegistryWorld, spec } from "./registry-harness.ts";

/** What is registered, read by dcs. */
export function readingSuite(world: () => RegistryWorld): void {
  describe("reading", () => {
    it.each([
      ["a string", '{"Op":0,"Addr":"10.1.1.1:1","Metadata":"hello"}', "10.1.1.1:1"],
      ["an object", '{"Op":0,"Addr":"10.1.1.1:1","Metadata":{"weight":9}}', "10.1.1.1:1"],
      ["nothing", '{"Addr":"10.1.1.1:1"}', "10.1.1.1:1"],
      ["a bare value", "up", "10.1.1.1:1"],
    ])("takes an instance of another tool whose metadata is %s", async (_what, value, endpoint) => {
      const { store, other } = world();
      await store.txn({ ops: [{ put: "/services/web/10.1.1.1:1", value }] });
      const { services } = await listServices(other, {});
      expect(services[0]?.instances).toEqual([
        expect.objectContaining({ endpoint, weight: 1, status: "ready", foreign: true, lease: null }),
      ]);
    });

    it("does not take web-admin for web", async () => {
      const { other, register } = world();
      await register([spec(), spec("10.0.0.9:80", { service: "web-admin" })]);
      const { services } = await listServices(other, { service: "web" });
      expect(services.map((service) => service.name)).toEqual(["web"]);
      expect(services[0]?.instances).toHaveLength(1);
    });

    it("watches: the present first, then each change once", async () => {
      const { other, stop, register } = world();
      const { registrar } = await register([spec()]);
      const seen: string[] = [];
      const watching = (async () => {
        for await (const step of watchServices(other, {}, systemClock, stop.signal)) {
          for (const { type, instance } of step.changes) seen.push(`${type} ${instance.id}`);
        }
      })();
      await until(() => seen.length === 1);
      registrar.setHealth("web/10.0.0.1:80", false, "down");
      await until(() => seen.length === 2);
      await registrar.deregister({ by: "test", reason: null }, { drain: false });
      await until(() => seen.length === 3);
      expect(seen).toEqual(["added web/10.0.0.1:80", "unready web/10.0.0.1:80", "removed web/10.0.0.1:80"]);
      stop.abort();
      await watching;
    });

    it("ends its watches when the consumer leaves", async () => {
      const { other, stop, register } = world();
      await register([spec()]);
      const signals: AbortSignal[] = [];
      const spied: Store = Object.create(other, {
        watch: {
          value: (prefix: string, from: number, signal: AbortSignal) => {
            signals.push(signal);
            return other.watch(prefix, from, signal);
          },
        },
        list: { value: (prefix: string) => other.list(prefix) },
      });
      for await (const step of watchServices(spied, {}, systemClock, stop.signal)) {
        if (!step.first) break;
        await other.txn({ ops: [{ put: "/services/late/10.0.0.5:80", value: "up" }] });
      }
      expect(signals.map((signal) => signal.aborted)).toEqual([true, true]);
    });

    it("resolves what is ready, matches, and has a weight", async () => {
      const { store, other, stop, register } = world();
      await register([
        spec("10.0.0.1:80", { version: "v1", weight: 3 }),
        spec("10.0.0.2:80", { version: "v2" }),
        spec("10.0.0.3:80", { weight: 0 }),
      ]);
      const ask = { service: "web", count: 8, waitMs: 0, clock: systemClock, signal: stop.signal } as const;
      const picks = await resolve(other, { ...ask, policy: "wrr", filter: {} });
      const counts = Object.groupBy(picks, (pick) => pick.endpoint);
      expect([counts["10.0.0.1:80"]?.length, counts["10.0.0.2:80"]?.length]).toEqual([6, 2]);
      const v2 = await resolve(other, { ...ask, policy: "random", filter: { version: "v2" } });
      expect(new Set(v2.map((pick) => pick.endpoint))).toEqual(new Set(["10.0.0.2:80"]));
      const by = { ...ask, count: 1, policy: "rendezvous", key: "user:1", filter: {} } as const;
      expect(await resolve(store, by)).toEqual(await resolve(other, by));
      await expect(resolve(other, { ...ask, policy: "wrr", filter: { zone: "x" } })).rejects.toMatchObject({
        code: "SERVICE_NOT_FOUND",
      });
    });

    it("waits for an instance to be ready", async () => {
      const { other, stop, register } = world();
      const ask = {
        service: "web",
        count: 1,
        policy: "wrr",
        filter: {},
        clock: systemClock,
        signal: stop.signal,
      } as const;
      await expect(resolve(other, { ...ask, waitMs: 50 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
      const waiting = resolve(other, { ...ask, waitMs: 20_000 });
      await register([spec()]);
      expect((await waiting).map((pick) => pick.id)).toEqual(["web/10.0.0.1:80"]);
    });
  });
}
