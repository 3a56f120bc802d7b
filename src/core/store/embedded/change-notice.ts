import { type FSWatcher, watch } from "node:fs";
import type { Clock } from "../../util/clock.ts";

/** Where the system cannot tell of file changes (no inotify instances left, macOS on some volumes), look this often. */
const POLL_MS = 5;

/**
 * When to look again after a notification that came with nothing to see, ms. A commit is visible only some microseconds
 * after its last write to the log, and no notification follows; a preempted writer makes that milliseconds.
 */
const LOOK_AGAIN_MS: readonly number[] = [1, 3, 10, 30];

/**
 * Wakes waiters when another process has committed.
 *
 * Every commit appends to the write-ahead log, so a file notification on it is the signal to look at the revision.
 * Started with the first waiter and stopped with the last, so that a plain command never pays for it.
 */
export class ChangeNotice {
  readonly #walPath: string;
  readonly #clock: Clock;
  readonly #waiters = new Set<() => void>();
  readonly #revision: () => number;
  #watcher: FSWatcher | null = null;
  #cancelTimer: () => void = () => {};
  #seen = 0;
  #looks = 0;
  #closed = false;

  /** `revision` reads the store's present one; it may throw, and is then asked again later. */
  constructor(walPath: string, clock: Clock, revision: () => number) {
    this.#walPath = walPath;
    this.#clock = clock;
    this.#revision = revision;
  }

  /** Calls `wake` at every change, until the returned function is called. */
  subscribe(wake: () => void): () => void {
    this.#waiters.add(wake);
    if (this.#waiters.size === 1) this.#start();
    return () => {
      this.#waiters.delete(wake);
      if (this.#waiters.size === 0) this.#stop();
    };
  }

  /** A commit of this very process: no need to ask the system. */
  wakeAll(): void {
    for (const wake of this.#waiters) wake();
  }

  /** Watches anew: another file has come to stand at the path. */
  restart(): void {
    this.#stop();
    this.#seen = 0;
    if (this.#waiters.size > 0) this.#start();
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    this.wakeAll();
    this.#waiters.clear();
  }

  #start(): void {
    if (this.#closed) return;
    try {
      this.#watcher = watch(this.#walPath, () => {
        this.#looks = 0;
        this.#look();
      });
      this.#watcher.on("error", () => this.#poll());
    } catch {
      this.#poll();
    }
  }

  #look(): void {
    this.#cancelTimer();
    if (this.#closed || this.#sawChange()) return;
    const delay = LOOK_AGAIN_MS[this.#looks++];
    if (delay !== undefined) this.#cancelTimer = this.#clock.timer(delay, () => this.#look());
  }

  #sawChange(): boolean {
    try {
      const revision = this.#revision();
      if (revision === this.#seen) return false;
      this.#seen = revision;
    } catch {
      // The waiters' own reads report a store that cannot be read.
    }
    this.wakeAll();
    return true;
  }

  #poll(): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#cancelTimer();
    if (this.#closed || this.#waiters.size === 0) return;
    this.#cancelTimer = this.#clock.timer(POLL_MS, () => {
      this.#sawChange();
      this.#poll();
    });
  }

  #stop(): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#cancelTimer();
  }
}
