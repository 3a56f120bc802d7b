import type { Clock } from "../../util/clock.ts";
import type { ShardMap } from "../keyspace.ts";

/** The map as this router has it: it only gets newer, and whoever waits for a newer one is told. */
export class KnownMap {
  readonly #read: () => Promise<ShardMap>;
  readonly #onNewer: () => void;
  readonly #waiting = new Set<() => void>();
  #map: ShardMap;
  #reading: Promise<void> | null = null;

  constructor(map: ShardMap, read: () => Promise<ShardMap>, onNewer: () => void) {
    this.#map = map;
    this.#read = read;
    this.#onNewer = onNewer;
  }

  get present(): ShardMap {
    return this.#map;
  }

  take(map: ShardMap): void {
    if (map.revision > this.#map.revision) this.replace(map);
  }

  /** Also by an older one: of a store that went back. */
  replace(map: ShardMap): void {
    this.#map = map;
    for (const resolve of [...this.#waiting]) resolve();
    this.#onNewer();
  }

  /** Reads it from the store. Who asks while a reading is under way shares it. Rejects with the store's failure. */
  refresh(): Promise<void> {
    this.#reading ??= this.#read()
      .then((map) => this.take(map))
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }

  /** Resolves when there is one newer than `revision`, after `ms`, or when the signal aborts. */
  async newer(revision: number, clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#map.revision > revision || signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        cancel();
        this.#waiting.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const cancel = clock.timer(ms, done);
      this.#waiting.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }
}
