import type { Call } from "./driver.ts";

/** A connection that takes one request at a time. */
export interface Lane {
  /** False once it broke: it is not used again. */
  readonly isOpen: boolean;
  /** Sends one request. Calls `done` once, later: with the bytes of the answer, or with what went wrong. */
  send(done: (error: unknown, bytes: number) => void): void;
  /** Breaks it off, whatever it is doing; resolves when nothing is left of it. */
  close(): Promise<void>;
}

/** What went wrong, as Call.failed takes it. */
export interface Failure {
  readonly kind: string;
  readonly example: string;
}

export interface LanesOptions {
  /** Opens one more; gives up when the signal aborts. */
  readonly open: (signal: AbortSignal) => Promise<Lane>;
  /** At most; null: as many as are needed at once. */
  readonly connections: number | null;
  readonly failure: (error: unknown) => Failure;
}

/** So many are opened at a time before the first request: servers refuse more, or let them wait. */
const OPENED_AT_ONCE = 32;

/**
 * The connections to one server whose protocol answers one question after the other. A request goes to the one that was free
 * last, or waits for the first that is free, in the order of coming; for each that waits, one more is opened if it may be. What
 * is cancelled while it is under way takes its connection along, for the answer would come to somebody else.
 */
export class Lanes {
  readonly #o: LanesOptions;
  readonly #all = new Set<Lane>();
  /** The last used at the end. */
  readonly #free: Lane[] = [];
  readonly #waiting = new Set<Call>();
  readonly #closing = new AbortController();
  /** Those that are being opened or closed. */
  readonly #settling = new Set<Promise<void>>();
  #opening = 0;

  constructor(options: LanesOptions) {
    this.#o = options;
  }

  /** Opens all that there may be, or one where there is no limit. Rejects with the first failure, and then has none open. */
  async prepare(): Promise<void> {
    const count = this.#o.connections ?? 1;
    try {
      while (this.#all.size < count) {
        const some = Math.min(OPENED_AT_ONCE, count - this.#all.size);
        const opened = await Promise.allSettled(
          Array.from({ length: some }, () => this.#o.open(this.#signal)),
        );
        for (const each of opened) if (each.status === "fulfilled") this.#add(each.value);
        const failed = opened.find((each) => each.status === "rejected");
        if (failed !== undefined) throw failed.reason;
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  send(call: Call): void {
    if (this.#signal.aborted) return;
    const lane = this.#take();
    if (lane !== null) {
      this.#begin(lane, call);
      return;
    }
    this.#waiting.add(call);
    call.cancel = () => this.#waiting.delete(call);
    this.#grow();
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the driver was closed"));
    this.#waiting.clear();
    this.#free.length = 0;
    for (const lane of [...this.#all]) this.#drop(lane);
    while (this.#settling.size > 0) await Promise.all(this.#settling);
  }

  get #signal(): AbortSignal {
    return this.#closing.signal;
  }

  #take(): Lane | null {
    for (let lane = this.#free.pop(); lane !== undefined; lane = this.#free.pop()) {
      if (lane.isOpen) return lane;
      this.#drop(lane);
    }
    return null;
  }

  #begin(lane: Lane, call: Call): void {
    let isOver = false;
    call.cancel = () => {
      if (isOver) return;
      isOver = true;
      this.#drop(lane);
      this.#grow();
    };
    call.began();
    lane.send((error, bytes) => {
      if (isOver || this.#signal.aborted) return;
      isOver = true;
      // The lane is free before the call ends: its end may be what sends the next.
      this.#give(lane);
      if (error === null) call.ok(bytes);
      else this.#fail(call, error);
    });
  }

  #give(lane: Lane): void {
    if (!lane.isOpen) {
      this.#drop(lane);
      this.#grow();
      return;
    }
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free.push(lane);
      return;
    }
    this.#waiting.delete(next);
    this.#begin(lane, next);
  }

  #grow(): void {
    const most = this.#o.connections ?? Number.POSITIVE_INFINITY;
    while (
      !this.#signal.aborted &&
      this.#opening < this.#waiting.size &&
      this.#all.size + this.#opening < most
    ) {
      this.#opening += 1;
      this.#settle(this.#open());
    }
  }

  async #open(): Promise<void> {
    try {
      const lane = await this.#o.open(this.#signal);
      this.#opening -= 1;
      this.#add(lane);
    } catch (error) {
      this.#opening -= 1;
      const [first] = this.#waiting;
      if (this.#signal.aborted || first === undefined) return;
      this.#waiting.delete(first);
      this.#fail(first, error);
      this.#grow();
    }
  }

  #add(lane: Lane): void {
    this.#all.add(lane);
    if (this.#signal.aborted) this.#drop(lane);
    else this.#give(lane);
  }

  #drop(lane: Lane): void {
    if (!this.#all.delete(lane)) return;
    this.#settle(lane.close());
  }

  #settle(work: Promise<void>): void {
    const settling: Promise<void> = work
      .catch(() => {})
      .finally(() => {
        this.#settling.delete(settling);
      });
    this.#settling.add(settling);
  }

  #fail(call: Call, error: unknown): void {
    const { kind, example } = this.#o.failure(error);
    call.failed(kind, example);
  }
}
