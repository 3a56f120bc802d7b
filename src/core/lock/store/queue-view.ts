import type { KeyValue, Revision, Store, WatchBatch } from "../../store/store.ts";
import type { LockHolder, LockMode } from "../lock.ts";
import { modeText } from "../lock-mode.ts";
import { isPlaceOf, placesOf, queuePrefix } from "./lock-keys.ts";
import { toHolder } from "./lock-states.ts";
import { holding, mixedWith, modeOf } from "./turns.ts";

/** A place of this process in a queue, and what becomes of it. */
export interface Seat {
  readonly key: string;
  readonly mode: LockMode;
  /** When the place was taken. */
  readonly revision: Revision;
  /** Once, when it is seen behind others, the first of them. */
  readonly onBehind: (first: KeyValue) => void;
  /** It may hold, by what the view has seen. */
  readonly onTurn: () => void;
  /** It is not in the queue any more. */
  readonly onLost: () => void;
  /** Those who hold do so in a mode that it does not go with. */
  readonly onMixed: (first: KeyValue) => void;
  /** The store cannot be read. */
  readonly onError: (error: unknown) => void;
}

/** How long what was read of the first place is shown to others who come. */
const SHOWN_MS = 1000;

/**
 * One queue as this process sees it, for all of its waiters together: listed once, then by one watch. It may be late, and is
 * never wrong about order: a turn that it sees must be looked at once more, for the place may have gone meanwhile.
 */
export class QueueView {
  readonly #store: Store;
  readonly #name: string;
  readonly #stop = new AbortController();
  readonly #seats = new Map<string, Seat>();
  /** Whose place the view has not come to yet. */
  readonly #ahead = new Set<Seat>();
  /** By key, first come first. */
  #places = new Map<string, KeyValue>();
  #revision: Revision = 0;
  #newest: Revision = 0;
  #firstMode = "";
  #shown: { readonly of: Revision; readonly at: number; readonly holder: Promise<LockHolder> } | null = null;

  constructor(store: Store, name: string) {
    this.#store = store;
    this.#name = name;
  }

  /** True when it looks no more. */
  get isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Looks until nobody sits any more. Whatever goes wrong is told to all who sit; then it is over. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    const prefix = queuePrefix(this.#name);
    try {
      // A watch that ends without our wish ends with the store, which the next read says.
      while (!signal.aborted) {
        const { kvs, revision } = await this.#store.list(prefix, { signal });
        this.#reset(kvs);
        this.#tell(revision);
        for await (const batch of this.#store.watch(prefix, revision + 1, signal)) {
          if (batch.resync) this.#reset(putsOf(batch));
          else this.#apply(batch);
          this.#tell(batch.revision);
        }
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  sit(seat: Seat): void {
    this.#seats.set(seat.key, seat);
    this.#ahead.add(seat);
    if (seat.revision <= this.#revision) this.#tell(this.#revision);
  }

  leave(seat: Seat): void {
    this.#remove(seat);
    if (this.#seats.size === 0) this.#stop.abort();
  }

  /** What is known of the first place; many ask at once. */
  show(first: KeyValue, now: number): Promise<LockHolder> {
    const shown = this.#shown;
    if (shown !== null && shown.of === first.createRevision && now - shown.at < SHOWN_MS) return shown.holder;
    const holder = toHolder(this.#store, this.#name, first);
    this.#shown = { of: first.createRevision, at: now, holder };
    return holder;
  }

  #fail(error: unknown): void {
    this.#stop.abort();
    const seats = [...this.#seats.values()];
    for (const seat of seats) {
      this.#remove(seat);
      seat.onError(error);
    }
  }

  /** Takes what there is now for all there is; a place that is not among it has gone. */
  #reset(kvs: readonly KeyValue[]): void {
    const places = new Map(placesOf(this.#name, kvs).map((place) => [place.key, place]));
    const before = this.#places;
    this.#places = places;
    this.#newest = [...places.values()].at(-1)?.createRevision ?? 0;
    for (const [key, { createRevision }] of before) {
      if (places.get(key)?.createRevision !== createRevision) this.#gone(key);
    }
  }

  #apply(batch: WatchBatch): void {
    let isInOrder = true;
    for (const event of batch.events) {
      const key = event.type === "put" ? event.kv.key : event.key;
      const made = event.type === "put" ? event.kv.createRevision : event.revision;
      const known = this.#places.get(key);
      if (known !== undefined && known.createRevision < made) {
        this.#places.delete(key);
        this.#gone(key);
      }
      if (event.type !== "put" || !isPlaceOf(this.#name, event.kv)) continue;
      // Revisions in between may be merged: a place that was written again comes later than those made after it.
      if (!this.#places.has(key)) isInOrder &&= made >= this.#newest;
      this.#newest = Math.max(this.#newest, made);
      this.#places.set(key, event.kv);
    }
    if (!isInOrder) this.#reset([...this.#places.values()]);
  }

  #gone(key: string): void {
    const seat = this.#seats.get(key);
    if (seat === undefined) return;
    this.#remove(seat);
    seat.onLost();
  }

  /** Tells those who sit what the places mean for them. */
  #tell(revision: Revision): void {
    this.#revision = revision;
    const come = this.#whoHasCome();
    const [first] = this.#places.values();
    if (first === undefined) return;
    const mode = modeText(modeOf(first));
    const asked = mode === this.#firstMode ? come : [...this.#seats.values()];
    this.#firstMode = mode;
    for (const seat of asked) {
      if (this.#ahead.has(seat) || mixedWith([first], seat.mode) === null) continue;
      this.#remove(seat);
      seat.onMixed(first);
    }
    for (const { key } of holding(this.#places.values(), modeOf)) {
      const seat = this.#seats.get(key);
      if (seat === undefined) continue;
      this.#remove(seat);
      seat.onTurn();
    }
    for (const seat of come) if (this.#seats.has(seat.key)) seat.onBehind(first);
  }

  /** Those whose places the view has just come to. */
  #whoHasCome(): readonly Seat[] {
    const come: Seat[] = [];
    for (const seat of this.#ahead) {
      if (seat.revision > this.#revision) continue;
      this.#ahead.delete(seat);
      if (this.#places.has(seat.key)) come.push(seat);
      else this.#gone(seat.key);
    }
    return come;
  }

  #remove(seat: Seat): void {
    this.#seats.delete(seat.key);
    this.#ahead.delete(seat);
  }
}

function putsOf({ events }: WatchBatch): readonly KeyValue[] {
  return events.flatMap((event) => (event.type === "put" ? [event.kv] : []));
}
