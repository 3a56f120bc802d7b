import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { type DcsError, toDcsError } from "../../errors.ts";
import { exitStatus, type ProcessExit } from "../../process/exit-status.ts";
import { Supervised } from "../../process/supervisor.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import { formatDuration } from "../../util/duration.ts";
import type { Json } from "../definition/expression.ts";
import type { Outcome } from "../engine/event.ts";
import { KEY_VARIABLE } from "../secrets/sealer.ts";
import type { CallContexts, CallIdentity, SendOptions } from "./call.ts";
import { outputOf } from "./classify-answer.ts";

/** A program with its arguments, and which of its exit statuses say that nothing took effect. */
export interface ExecRequest {
  readonly argv: readonly string[];
  readonly fail: readonly number[];
}

export interface ExecParts {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly clock: Clock;
}

export const MAX_OUTPUT_BYTES = 1024 * 1024;
const MAX_STDERR_BYTES = 2048;
/** Between SIGTERM and SIGKILL: this part of the time, and no more than that many ms. */
const GRACE_PART = 0.1;
const MAX_GRACE_MS = 2000;
/** A process that left the group may hold the pipe for ever. */
const DRAIN_MS = 250;

/**
 * Runs a program once: JSON on stdin, its output on stdout. Its whole process group is ended within the time (SIGTERM, then
 * SIGKILL at the deadline) and when this process dies, by a watchdog: an attempt never outlives its deadline.
 */
export async function runProgram(
  { argv, fail }: ExecRequest,
  identity: CallIdentity,
  contexts: CallContexts,
  options: SendOptions,
  { env, clock }: ExecParts,
): Promise<Outcome> {
  const deadline = clock.monotonic() + options.timeoutMs;
  const graceMs = Math.min(MAX_GRACE_MS, options.timeoutMs * GRACE_PART);
  const [command = "", ...args] = argv;
  let child: Supervised;
  try {
    child = await Supervised.start({
      command,
      args,
      env: environmentOf(env, identity),
      cwd: contexts.directory,
      stdio: ["pipe", "pipe", "pipe"],
      watchdog: true,
      graceMs,
      clock,
    });
  } catch (error) {
    return notSent(toDcsError(error));
  }
  await using running = child;
  const stdout = collect(running.stdout, MAX_OUTPUT_BYTES);
  const stderr = collect(running.stderr, MAX_STDERR_BYTES);
  const end = new AbortController();
  const stop = () => void running.stop({ graceMs, killBy: deadline });
  running.arm(deadline);
  const cancel = clock.timer(options.timeoutMs - graceMs, stop);
  options.signal.addEventListener("abort", stop, { once: true });
  if (options.signal.aborted) stop();
  try {
    await running.open();
    if (running.opened) write(running, identity, contexts);
    const { exit } = await running.finished;
    await Promise.race([
      Promise.all([stdout.done, stderr.done]),
      sleep(clock, DRAIN_MS, end.signal).catch(() => {}),
    ]);
    if (!running.opened) return { kind: "not-sent", message: `${command} was stopped before it began` };
    const isLate = clock.monotonic() >= deadline - graceMs;
    return outcomeOf({
      command,
      fail,
      exit,
      isLate,
      isStopped: options.signal.aborted,
      timeoutMs: options.timeoutMs,
      stdout,
      stderr,
    });
  } catch (error) {
    // Only a gate that did not open is reported this way.
    if (!running.opened) return notSent(toDcsError(error));
    return { kind: "unknown", message: `${command}: ${toDcsError(error).message}` };
  } finally {
    end.abort();
    cancel();
    options.signal.removeEventListener("abort", stop);
    running.stdout?.destroy();
    running.stderr?.destroy();
  }
}

/** What a program reads on stdin. */
function stdinOf(identity: CallIdentity, { input, steps }: CallContexts["values"]): Json {
  const { runId: run, rootId: root, saga, step, direction, asks, key, actionKey, attempt } = identity;
  return {
    run,
    root,
    saga,
    step,
    direction,
    asks,
    key,
    actionKey,
    attempt,
    input: input ?? null,
    steps: steps ?? null,
  };
}

/** Ours, without the key that opens the journal's secrets. */
function environmentOf(
  { [KEY_VARIABLE]: _sealing, ...env }: Readonly<NodeJS.ProcessEnv>,
  { runId, step, key, attempt }: CallIdentity,
): NodeJS.ProcessEnv {
  return {
    ...env,
    DCS_SAGA_RUN: runId,
    DCS_SAGA_STEP: step,
    DCS_SAGA_KEY_ID: key,
    DCS_SAGA_ATTEMPT: String(attempt),
  };
}

function write({ stdin }: Supervised, identity: CallIdentity, contexts: CallContexts): void {
  // A program need not read it.
  stdin?.on("error", () => {});
  stdin?.end(`${JSON.stringify(stdinOf(identity, contexts.values))}\n`);
}

interface Ended {
  readonly command: string;
  readonly fail: readonly number[];
  readonly exit: ProcessExit;
  readonly isLate: boolean;
  readonly isStopped: boolean;
  readonly timeoutMs: number;
  readonly stdout: Collected;
  readonly stderr: Collected;
}

function outcomeOf({ command, fail, exit, stdout, stderr, ...ended }: Ended): Outcome {
  if (exit.code === 0) {
    if (!stdout.isCut()) return { kind: "done", output: outputOf(stdout.bytes()) };
    return { kind: "unknown", message: `${command} is done, but its output is over 1 MiB` };
  }
  const said = stderr.bytes().toString("utf8").trim();
  const tail = said === "" ? "" : `: ${said}`;
  if (exit.code !== null && fail.includes(exit.code)) {
    return { kind: "failed", message: `${command} exited with ${exit.code}${tail}` };
  }
  const how = exit.signal === null ? `exited with ${exitStatus(exit)}` : `was ended by ${exit.signal}`;
  if (ended.isStopped) return { kind: "unknown", message: `${command} was stopped${tail}` };
  if (ended.isLate) {
    return {
      kind: "unknown",
      message: `${command} did not end within ${formatDuration(ended.timeoutMs)}${tail}`,
    };
  }
  return { kind: "unknown", message: `${command} ${how}${tail}` };
}

function notSent({ message }: DcsError): Outcome {
  return { kind: "not-sent", message };
}

interface Collected {
  readonly done: Promise<void>;
  bytes(): Buffer;
  /** There was more than is kept. */
  isCut(): boolean;
}

/** The beginning of a stream; the rest is read and dropped, so that the writer does not stand still. */
function collect(stream: Readable | null, maxBytes: number): Collected {
  const chunks: Buffer[] = [];
  let total = 0;
  stream?.on("data", (chunk: Buffer) => {
    if (total < maxBytes) chunks.push(chunk);
    total += chunk.length;
  });
  return {
    done: stream === null ? Promise.resolve() : finished(stream).catch(() => {}),
    bytes: () => Buffer.concat(chunks).subarray(0, maxBytes),
    isCut: () => total > maxBytes,
  };
}
