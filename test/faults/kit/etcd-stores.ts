import { EtcdStore } from "../../../src/core/store/etcd/etcd-store.ts";
import type { GrantRequest, Store } from "../../../src/core/store/store.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { newLeaseId } from "../../../src/core/util/ids.ts";
import { FaultyProxy } from "../../support/proxy.ts";

/** Who holds the leases. */
export const HOLDER = { host: "elsewhere", pid: 1, command: "faults" };

/** A new lease. */
export function lease(ttlMs = 60_000): GrantRequest {
  return { id: newLeaseId(), ttlMs, holder: HOLDER };
}

/** A store whose endpoints are tried in the order given. */
export function open(endpoints: readonly number[], timeoutMs = 5000): Promise<Store> {
  const url = `etcd://${endpoints.map((port) => `127.0.0.1:${port}`).join(",")}`;
  return EtcdStore.open({ url, timeoutMs, clock: systemClock, random: () => 0.999 });
}

/** Accepts connections and never answers. */
export async function blackHole(target: number): Promise<FaultyProxy> {
  const hole = await FaultyProxy.start(target);
  hole.mode = "black-hole";
  return hole;
}
