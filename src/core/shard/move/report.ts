import type { DcsError } from "../../errors.ts";
import type { Clock } from "../../util/clock.ts";
import type { MoveDeps } from "./move-deps.ts";
import type { MoveEvent, MoveOutcome, MoveResult, MoveStatus, MoveStep, MoveWait } from "./move-event.ts";
import type { HeldMove } from "./move-record.ts";

/** How often how far it is is said at most, ms. */
const SAY_MS = 250;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What is told of one move, over all attempts of this process. Nothing is decided by it. */
export class MoveReport {
  readonly #clock: Clock;
  readonly #onEvent: MoveDeps["onEvent"];
  readonly #began: number;
  readonly #status: Mutable<MoveStatus>;
  /** The direction as it was asked for: a reverse window turns the record round. */
  readonly #checksums: Record<string, string> = {};
  readonly #differences: string[] = [];
  #saidAt = 0;
  #copyBegan = 0;
  #cutAt: number | null = null;

  constructor(held: HeldMove, deps: Pick<MoveDeps, "clock" | "onEvent">, rowsTotal: number | null) {
    this.#clock = deps.clock;
    this.#onEvent = deps.onEvent;
    this.#began = deps.clock.monotonic();
    const { bucket, src, dst } = held.record;
    this.#status = {
      bucket,
      src,
      dst,
      step: "arm",
      since: deps.clock.now(),
      rowsCopied: 0,
      rowsTotal,
      bytesCopied: 0,
      bytesPerS: 0,
      applied: 0,
      backlog: 0,
      predictedPauseMs: null,
      pauseMs: null,
      waiting: null,
    };
  }

  get status(): MoveStatus {
    return { ...this.#status };
  }

  /** A step begins. */
  step(step: MoveStep): void {
    if (step === this.#status.step && this.#saidAt > 0) return;
    Object.assign(this.#status, { step, since: this.#clock.now(), waiting: null });
    if (step === "copy") this.#copyBegan = this.#clock.monotonic();
    this.#say({ kind: "step", status: this.status });
  }

  copied(rows: number, bytes: number): void {
    this.#status.rowsCopied += rows;
    this.#status.bytesCopied += bytes;
    const seconds = (this.#clock.monotonic() - this.#copyBegan) / 1000;
    this.#status.bytesPerS = seconds > 0 ? Math.round(this.#status.bytesCopied / seconds) : 0;
    this.#progress();
  }

  applied(rows: number, backlog: number): void {
    this.#status.applied += rows;
    this.#status.backlog = backlog;
    this.#progress();
  }

  predicted(ms: number): void {
    this.#status.predictedPauseMs = Math.round(ms);
  }

  /** Null: it waits no more. */
  waits(what: Omit<MoveWait, "since"> | null): void {
    const before = this.#status.waiting;
    if (what === null) {
      this.#status.waiting = null;
      return;
    }
    if (before?.what === what.what && before.for === what.for) return;
    const since = before?.what === what.what ? before.since : this.#clock.now();
    this.#status.waiting = { ...what, since };
    this.#say({ kind: "waiting", status: this.status });
  }

  /** The row's lock is asked for: from here on writers may wait. */
  cutBegins(): void {
    this.#cutAt = this.#clock.monotonic();
  }

  /** It was given up before the seal. */
  cutAgain(why: string): void {
    const heldMs = this.#cutAt === null ? 0 : this.#clock.monotonic() - this.#cutAt;
    this.#cutAt = null;
    this.#say({ kind: "cut again", status: this.status, why, heldMs: Math.round(heldMs * 10) / 10 });
  }

  /** Milliseconds since the lock was asked for; 0 outside of a cut. */
  get cutMs(): number {
    return this.#cutAt === null ? 0 : this.#clock.monotonic() - this.#cutAt;
  }

  /** The bucket may be written again, on the other server. */
  opened(): void {
    if (this.#cutAt !== null) this.#status.pauseMs = Math.round(this.cutMs * 10) / 10;
    this.#cutAt = null;
    this.#say({ kind: "opened", status: this.status });
  }

  verified(checksums: Readonly<Record<string, string>>): void {
    Object.assign(this.#checksums, checksums);
  }

  different(keys: readonly string[]): void {
    this.#differences.push(...keys);
    this.#say({ kind: "different", status: this.status, keys });
  }

  retry(error: DcsError, attempt: number, delayMs: number): void {
    this.#say({ kind: "retry", status: this.status, error, attempt, delayMs });
  }

  result(outcome: MoveOutcome, error: DcsError | null = null): MoveResult {
    const { bucket, src, dst, rowsCopied, bytesCopied, applied, predictedPauseMs, pauseMs } = this.#status;
    return {
      bucket,
      src,
      dst,
      outcome,
      rows: rowsCopied,
      bytes: bytesCopied,
      applied,
      durationMs: Math.round(this.#clock.monotonic() - this.#began),
      predictedPauseMs,
      pauseMs,
      checksums: { ...this.#checksums },
      differences: [...this.#differences],
      error,
    };
  }

  done(result: MoveResult): MoveResult {
    this.#status.waiting = null;
    this.#say({ kind: "done", status: this.status, result });
    return result;
  }

  #progress(): void {
    if (this.#clock.monotonic() - this.#saidAt < SAY_MS) return;
    this.#say({ kind: "progress", status: this.status });
  }

  #say(event: MoveEvent): void {
    this.#saidAt = this.#clock.monotonic();
    this.#onEvent?.(event);
  }
}
