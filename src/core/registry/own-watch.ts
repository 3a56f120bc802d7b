import type { LeaseId, Revision, Store, WatchBatch } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import type { Entry } from "./entry.ts";
import { follow } from "./follow.ts";
import type { Scope } from "./observe.ts";

export interface OwnWatchOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The registrant's present lease. */
  readonly lease: () => LeaseId | null;
  /** Something may have happened to our keys: ask `takeNews`. */
  readonly onNews: () => void;
}

/** Hears what others do to a registrant's keys. */
export class OwnWatch {
  readonly #options: OwnWatchOptions;
  readonly #byKey = new Map<string, Entry>();
  readonly #deleted: { readonly entry: Entry; readonly key: string; readonly revision: Revision }[] = [];
  #news = false;
  #started = false;

  constructor(entries: readonly Entry[], options: OwnWatchOptions) {
    this.#options = options;
    for (const entry of entries) {
      for (const key of Object.values(entry.keys)) this.#byKey.set(key, entry);
    }
  }

  /** Begins; a second call does nothing. */
  start(from: Revision, scope: Scope): void {
    if (this.#started) return;
    this.#started = true;
    const { store, clock, signal, onNews } = this.#options;
    const onBatch = (batch: WatchBatch) => this.#note(batch);
    const onBreak = () => {
      this.#news = true;
      onNews();
    };
    for (const prefix of Object.values(scope)) {
      void follow({ store, clock, signal, prefix, from, onBatch, onBreak });
    }
  }

  /**
   * True when the store must be read. To be called where the entries are up to date: only then can a deletion of our
   * own be told from another's.
   */
  takeNews(): boolean {
    let news = this.#news;
    this.#news = false;
    for (const { entry, key, revision } of this.#deleted.splice(0)) {
      const stoodThere = entry.at !== "none" && entry.keys[entry.at] === key;
      if ((stoodThere && revision > entry.revision) || entry.takenBy?.key === key) news = true;
    }
    return news;
  }

  #note(batch: WatchBatch): void {
    const lease = this.#options.lease();
    let ours = batch.resync;
    if (batch.resync) this.#news = true;
    for (const event of batch.events) {
      const key = event.type === "put" ? event.kv.key : event.key;
      const entry = this.#byKey.get(key);
      if (entry === undefined) continue;
      const mine = event.type === "put" && event.kv.lease === lease;
      const marker = key === entry.keys.drain;
      // A marker matters when it is on our lease; any other key when it is not.
      if (event.type === "put" && mine !== marker) continue;
      if (event.type === "put") this.#news = true;
      else if (!marker) this.#deleted.push({ entry, key, revision: event.revision });
      ours = true;
    }
    if (ours) this.#options.onNews();
  }
}
