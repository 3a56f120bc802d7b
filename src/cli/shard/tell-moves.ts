import type { MoveEvent, MoveResult, MoveStatus } from "../../core/shard/move/move-event.ts";
import { formatByteSize } from "../../core/util/byte-size.ts";
import type { Clock } from "../../core/util/clock.ts";
import { formatDuration } from "../../core/util/duration.ts";
import type { Output } from "../output.ts";

/** In a log, how far a move is so often, ms; in JSON a little more often. */
const LINE_MS = 5000;
const EVENT_MS = 1000;
/** A shorter wait is nothing to tell a person. */
const WAIT_MS = 3000;

/** Tells what happens to moves: a line, or with JSON an object, for each thing, and now and then for how far they are. */
export class MoveTeller implements Disposable {
  readonly #out: Output;
  readonly #clock: Clock;
  readonly #told = new Map<number, number>();
  readonly #steps = new Map<number, string>();
  /** By bucket: takes back what would be said of a wait. */
  readonly #waits = new Map<number, () => void>();

  constructor(out: Output, clock: Clock) {
    this.#out = out;
    this.#clock = clock;
  }

  take(event: MoveEvent): void {
    const { status, kind } = event;
    if (kind !== "progress") this.#waits.get(status.bucket)?.();
    if (!this.#isWanted(event)) return;
    this.#told.set(status.bucket, this.#clock.monotonic());
    this.#steps.set(status.bucket, `${status.step} ${status.waiting?.what ?? ""}`);
    // A move has a dozen steps; who reads lines wants to know what came of it.
    const isDetail = kind === "step" || kind === "opened" || this.#out.mode === "name";
    if (!this.#isJson && isDetail) this.#out.verbose(line(event));
    else if (!this.#isJson && kind === "waiting") this.#tellLater(event);
    else this.#out.event(kind.replaceAll(" ", "-"), eventData(event), line(event));
  }

  [Symbol.dispose](): void {
    for (const cancel of this.#waits.values()) cancel();
  }

  #tellLater(event: MoveEvent): void {
    const tell = () => this.#out.event(event.kind, eventData(event), line(event));
    this.#waits.set(event.status.bucket, this.#clock.timer(WAIT_MS, tell));
  }

  get #isJson(): boolean {
    return this.#out.mode === "ndjson" || this.#out.mode === "json";
  }

  /** Steps at once, progress now and then. */
  #isWanted({ kind, status }: MoveEvent): boolean {
    if (kind === "step" || kind === "waiting") {
      return this.#steps.get(status.bucket) !== `${status.step} ${status.waiting?.what ?? ""}`;
    }
    if (kind !== "progress") return true;
    const since = this.#clock.monotonic() - (this.#told.get(status.bucket) ?? 0);
    return since >= (this.#isJson ? EVENT_MS : LINE_MS);
  }
}

/** An event as JSON has it: the status's fields, and those of its kind. */
export function eventData(event: MoveEvent): Readonly<Record<string, unknown>> {
  const { status, kind: _, ...rest } = event;
  const { since, waiting, ...counts } = status;
  return {
    ...counts,
    stepSince: new Date(since).toISOString(),
    waiting: waiting === null ? null : { ...waiting, since: new Date(waiting.since).toISOString() },
    ...("result" in rest ? { result: resultData(rest.result) } : {}),
    ...("error" in rest ? { error: { code: rest.error.code, message: rest.error.message } } : {}),
    ...("attempt" in rest ? { attempt: rest.attempt, delayMs: rest.delayMs } : {}),
    ...("keys" in rest ? { keys: rest.keys } : {}),
    ...("why" in rest ? { why: rest.why, heldMs: rest.heldMs } : {}),
  };
}

export function resultData({ error, ...rest }: MoveResult): Readonly<Record<string, unknown>> {
  return {
    ...rest,
    error: error === null ? null : { code: error.code, message: error.message, hint: error.hint },
  };
}

function line(event: MoveEvent): string {
  const { status } = event;
  const who = `bucket ${status.bucket} ${status.src} → ${status.dst}`;
  switch (event.kind) {
    case "step":
      return `${who}: ${status.step}`;
    case "waiting":
      return status.waiting === null
        ? `${who}: goes on`
        : `${who}: ${status.step}, waits for ${status.waiting.what}: ${status.waiting.for}`;
    case "progress":
      return `${who}: ${status.step}, ${howFar(status)}`;
    case "cut again":
      return `${who}: the cut was given up after ${formatDuration(event.heldMs)} and is tried again: ${event.why}`;
    case "different":
      return `${who}: verification found rows that differ, and copied them again: ${event.keys.slice(0, 5).join("; ")}`;
    case "retry":
      return `${who}: ${event.error.message}; tried again in ${formatDuration(event.delayMs)} (${event.attempt})`;
    case "opened":
      return `${who}: open on ${status.dst}${status.pauseMs === null ? "" : `, writes waited ${formatDuration(status.pauseMs)}`}`;
    case "done":
      return resultLine(event.result);
  }
}

/** What became of one move. */
export function resultLine(result: MoveResult): string {
  const { bucket, src, dst, outcome, rows, bytes, durationMs, pauseMs, error } = result;
  const who = `bucket ${bucket} ${src} → ${dst}`;
  switch (outcome) {
    case "moved": {
      const pause = pauseMs === null ? "" : `, pause ${formatDuration(pauseMs)}`;
      return `${who}: moved, ${rows} rows, ${formatByteSize(bytes)}, ${formatDuration(durationMs)}${pause}`;
    }
    case "aborted":
      return `${who}: taken back, everything is as it was before`;
    case "stopped":
      return `${who}: stopped at a safe point`;
    case "superseded":
      return `${who}: another process has it`;
    case "failed":
      return `${who}: ${error?.message ?? "failed"}`;
  }
}

function howFar({ rowsCopied, rowsTotal, applied, backlog, bytesPerS }: MoveStatus): string {
  const of = rowsTotal === null ? "" : ` of about ${rowsTotal}`;
  const rate = bytesPerS > 0 ? `, ${formatByteSize(bytesPerS)}/s` : "";
  return `${rowsCopied}${of} rows copied, ${applied} applied, ${backlog} wait${rate}`;
}
