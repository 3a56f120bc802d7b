import type { LeaseId } from "../store/store.ts";
import { Departures } from "./departures.ts";
import { type Entry, entryInstance } from "./entry.ts";
import { CHECK, type Farewell } from "./registrar-events.ts";
import type { RegistrarOptions } from "./registrar-options.ts";
import { Timers } from "./timers.ts";

export interface LeaverParts {
  readonly options: RegistrarOptions;
  readonly entries: readonly Entry[];
  /** The lease of the instances that stay; null where there is none. */
  readonly lease: () => LeaseId | null;
  /** An instance is to be taken out of the catalogue. */
  readonly onLeave: () => void;
  /** The last of them is gone and drained. */
  readonly onFinished: (farewell: Farewell) => void;
}

/** How instances go for good, one by one, while others may stay: asked to, or because their check fails for too long. */
export class Leaver {
  readonly #parts: LeaverParts;
  readonly #departures: Departures;
  readonly #timers: Timers;
  #drained = 0;

  constructor(parts: LeaverParts) {
    const { store, holder, clock } = parts.options;
    this.#parts = parts;
    this.#departures = new Departures({ store, holder, clock });
    this.#timers = new Timers(clock);
  }

  /** Counts the time that an instance is unhealthy. */
  noteHealth(entry: Entry, healthy: boolean): void {
    const { deregisterAfterMs } = this.#parts.options;
    if (healthy) this.#timers.cancel(entry.id);
    else if (deregisterAfterMs !== undefined) {
      const remove = () => this.leave(entry, { by: CHECK, reason: entry.detail });
      this.#timers.setOnce(entry.id, deregisterAfterMs, remove);
    }
  }

  /** Takes one instance out, and drains it. */
  leave(entry: Entry, farewell: Farewell): void {
    if (entry.leaving) return;
    const { options, lease, onLeave } = this.#parts;
    const { drainMs = 0, onEvent } = options;
    const instances = [entryInstance(entry, lease())];
    entry.leaving = true;
    entry.want = "none";
    onEvent({ type: "deregistered", instances, ...farewell });
    if (drainMs > 0) onEvent({ type: "draining", instances, drainMs });
    this.#timers.set(entry.id, drainMs, () => void this.#left(entry, farewell));
    onLeave();
  }

  /** Leaves the word that these are gone on purpose. */
  say(entries: readonly Entry[]): Promise<void> {
    return this.#departures.say(entries);
  }

  /** From here on nobody goes by time. */
  stop(): void {
    this.#timers.cancelAll();
  }

  async #left(entry: Entry, farewell: Farewell): Promise<void> {
    const { options, entries, lease, onFinished } = this.#parts;
    await this.#departures.add(entry);
    this.#drained++;
    if (this.#drained === entries.length) return onFinished(farewell);
    // Tells whoever waits for the end of the drain; the lease stays for the others.
    const id = lease();
    if (id === null) return;
    const { drain } = entry.keys;
    await options.store
      .txn({ compares: [{ key: drain, lease: id }], ops: [{ delete: drain }] })
      .catch(() => {});
  }
}
