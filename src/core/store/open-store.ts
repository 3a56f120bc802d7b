import { DcsError } from "../errors.ts";
import { embeddedPath } from "../sqlite/embedded-path.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { redact } from "../util/redact.ts";
import type { Store } from "./store.ts";

export interface OpenStoreOptions {
  /** Bound of each conversation with the backend, ms. */
  readonly timeoutMs: number;
  /** Where `embedded:` without a path keeps its file. */
  readonly stateDir: string;
  readonly clock?: Clock;
}

const ALLOWED = ["embedded:", "embedded:/path/to/file.db", "etcd://host:port,…/prefix", "etcds://…"];

/**
 * Opens the store a URL names: `embedded:` (the file `store.db` of the state directory), `embedded:/path/to/file.db`, or
 * `etcd://`, `etcds://` (see docs/store.md). URL_INVALID for anything else; the driver's own errors when it cannot be
 * opened. Only what the URL names is loaded.
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<Store> {
  const clock = options.clock ?? systemClock;
  const scheme = /^([a-z]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "etcd" || scheme === "etcds") {
    const { EtcdStore } = await import("./etcd/etcd-store.ts");
    return EtcdStore.open({ url, timeoutMs: options.timeoutMs, clock });
  }
  if (scheme !== "embedded") {
    throw new DcsError(
      "URL_INVALID",
      `store "${redact(url)}": dcs keeps its store in embedded: or etcd:, in this version`,
      { details: { value: redact(url), allowed: ALLOWED } },
    );
  }
  const path = embeddedPath(url, "store", `${options.stateDir}/store.db`);
  const { EmbeddedStore } = await import("./embedded/embedded-store.ts");
  return EmbeddedStore.open({ path, timeoutMs: options.timeoutMs, clock });
}
