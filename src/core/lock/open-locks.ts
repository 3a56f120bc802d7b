import { type OpenStoreOptions, openStore } from "../store/open-store.ts";
import { systemClock } from "../util/clock.ts";
import type { LockDriver } from "./lock.ts";
import { StoreLocks } from "./store-lock.ts";

/** Everything that is needed to open the same locks again, in another thread for instance. */
export interface LocksAddress extends OpenStoreOptions {
  readonly url: string;
}

/** Opens the locks a URL names: today those of a store. Closing them closes the store under them. */
export async function openLocks(address: LocksAddress): Promise<LockDriver> {
  const { url, ...options } = address;
  const store = await openStore(url, options);
  return new StoreLocks(store, options.clock ?? systemClock, { ownsStore: true });
}
