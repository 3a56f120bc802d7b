import { describe, expect, it } from "vitest";
import { deregisterInstances, findInstances, untilDrained } from "../../../src/core/registry/deregister.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { type RegistryWorld, spec } from "./registry-harness.ts";

/** Ends that come from outside. */
export function deregisterSuite(world: () => RegistryWorld): void {
  describe("deregistering from outside", () => {
    it("ends the registrant, which learns who did it and why", async () => {
      const { other, register, ids, heldLeases } = world();
      const { registrar, said } = await register([spec()]);
      const instances = await findInstances(other, "web", "10.0.0.1:80");
      await deregisterInstances(other, { instances, by: "ops", reason: "disk", clock: systemClock });
      expect(await ids()).toEqual([]);
      await expect(registrar.finished).resolves.toEqual({ by: "ops", reason: "disk" });
      expect(said()).toEqual(["registered", "deregistered"]);
      await registrar.close();
      expect(await heldLeases()).toEqual([]);
    });

    it("takes one of many, drains it, and lets whoever waits know", async () => {
      const { other, stop, register, ids } = world();
      const { registrar, said } = await register([spec(), spec("10.0.0.2:80")], { drainMs: 200 });
      const instances = await findInstances(other, "web", "10.0.0.1:80");
      const began = performance.now();
      await deregisterInstances(other, { instances, by: "ops", reason: null, clock: systemClock });
      await untilDrained(other, instances, systemClock, stop.signal);
      expect(performance.now() - began).toBeGreaterThanOrEqual(195);
      expect(said()).toEqual(["registered", "deregistered", "draining"]);
      expect(await ids()).toEqual(["web/10.0.0.2:80 ready"]);
      expect(registrar.lease).not.toBeNull();
    });

    it("takes an instance that is not ready, and all of a service", async () => {
      const { other, register } = world();
      const { registrar } = await register([], {
        instances: [
          { spec: spec(), checked: true },
          { spec: spec("10.0.0.2:80"), checked: false },
        ],
      });
      const instances = await findInstances(other, "web", null);
      expect(instances).toHaveLength(2);
      const done = await deregisterInstances(other, {
        instances,
        by: "ops",
        reason: null,
        clock: systemClock,
      });
      expect(done).toHaveLength(2);
      await registrar.finished;
    });

    it("is INSTANCE_NOT_FOUND where there is none", async () => {
      const { other } = world();
      await expect(findInstances(other, "web", "10.0.0.1:80")).rejects.toMatchObject({
        code: "INSTANCE_NOT_FOUND",
      });
    });
  });
}
