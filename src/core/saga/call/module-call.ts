import { pathToFileURL } from "node:url";
import type { Clock } from "../../util/clock.ts";
import { formatDuration } from "../../util/duration.ts";
import { isTooDeep, MAX_JSON_DEPTH } from "../../util/json-depth.ts";
import { unlessAborted } from "../../util/unless-aborted.ts";
import type { Json } from "../definition/expression.ts";
import type { Outcome } from "../engine/event.ts";
import type { Direction } from "../engine/run-state.ts";
import type { CallIdentity, SendOptions } from "./call.ts";
import { MAX_OUTPUT_BYTES } from "./exec-call.ts";
import { knownUnderWay } from "./modules-under-way.ts";

export interface ModuleRequest {
  /** Absolute path. */
  readonly path: string;
  readonly exported: string;
  readonly with: Json;
}

/** What a step's function is given. */
export interface ModuleArgument {
  /** What `with` of the action says, worked out; null without. */
  readonly with: Json;
  readonly run: string;
  readonly step: string;
  readonly direction: Direction;
  /** The same for every attempt: have one effect for it. Of a probe, the key that it asks about. */
  readonly key: string;
  /** Of a compensation, the key of the action that it undoes. */
  readonly actionKey: string | null;
  readonly attempt: number;
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

type StepFunction = (argument: ModuleArgument) => unknown;

/**
 * Calls a function of an ES module, in this process. What it returns is the output. It throws: unknown, or failed where the
 * error has `definite: true`. One that goes on after its time is left behind. Modules are loaded once a process.
 */
export async function callModule(
  request: ModuleRequest,
  identity: CallIdentity,
  { timeoutMs, signal }: SendOptions,
  clock: Clock,
): Promise<Outcome> {
  const deadline = clock.monotonic() + timeoutMs;
  const over = new AbortController();
  const cancel = clock.timer(timeoutMs, () =>
    over.abort(new Error(`it did not end within ${formatDuration(timeoutMs)}`)),
  );
  const onAbort = () => over.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const bounded = over.signal;
  try {
    const loaded = LOADED.get(idOf(request)) ?? (await unlessAborted(load(request), bounded));
    // Also after this process stood still: timers come later than what they should have ended.
    if (bounded.aborted || clock.monotonic() >= deadline) {
      return { kind: "not-sent", message: `${request.path} was not loaded in time` };
    }
    // Another worker may have it: as with a program that is not there, that alone is no reason to undo a run.
    if (typeof loaded === "string") return { kind: "not-sent", message: loaded };
    return await invoke(loaded, request, identity, bounded, timeoutMs);
  } catch (error) {
    if (bounded.aborted) return { kind: "not-sent", message: `${request.path} was not loaded in time` };
    throw error;
  } finally {
    cancel();
    signal.removeEventListener("abort", onAbort);
  }
}

/** Functions that were found: asking for a module that is loaded takes longer than calling it. */
const LOADED = new Map<string, StepFunction>();

function idOf({ path, exported }: ModuleRequest): string {
  return `${exported} ${path}`;
}

/** The function; a text says why there is none. */
async function load(request: ModuleRequest): Promise<StepFunction | string> {
  const { path, exported } = request;
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    return `the module ${path} cannot be loaded: ${sayError(error)}`;
  }
  const found = module[exported];
  if (typeof found === "function") {
    LOADED.set(idOf(request), found as StepFunction);
    return found as StepFunction;
  }
  const names = Object.keys(module)
    .filter((name) => typeof module[name] === "function")
    .sort();
  const instead = names.length === 0 ? "it exports no function" : `it exports ${names.join(", ")}`;
  return `the module ${path} has no function ${exported}: ${instead}`;
}

async function invoke(
  call: StepFunction,
  request: ModuleRequest,
  { runId: run, step, direction, key, actionKey, attempt, asks }: CallIdentity,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Outcome> {
  const argument = { with: request.with, run, step, direction, key, actionKey, attempt, signal, timeoutMs };
  const name = `${request.exported} of ${request.path}`;
  let value: unknown;
  try {
    value = await knownUnderWay({ name, run, step }, () =>
      unlessAborted((async () => call(argument))(), signal),
    );
  } catch (error) {
    const message = `${name}: ${sayError(error)}`;
    const isDefinite = asks === "effect" && !signal.aborted && saysDefinite(error);
    return { kind: isDefinite ? "failed" : "unknown", message };
  }
  const isNothing = value === null || value === undefined;
  if (asks === "probe" && isNothing) return { kind: "failed", message: `${name} found nothing` };
  if (isNothing) return { kind: "done", output: null };
  return outputFrom(value, name);
}

/** It was done, so what cannot be kept leaves the output unknown, not the effect undone. */
function outputFrom(value: unknown, name: string): Outcome {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    return {
      kind: "unknown",
      message: `${name} is done, but what it returned is not JSON: ${sayError(error)}`,
    };
  }
  if (text === undefined) {
    return { kind: "unknown", message: `${name} is done, but what it returned is not JSON: ${typeof value}` };
  }
  if (Buffer.byteLength(text) > MAX_OUTPUT_BYTES) {
    return { kind: "unknown", message: `${name} is done, but its output is over 1 MiB` };
  }
  const output = JSON.parse(text) as Json;
  if (!isTooDeep(output)) return { kind: "done", output };
  return {
    kind: "unknown",
    message: `${name} is done, but its output is nested more than ${MAX_JSON_DEPTH} deep`,
  };
}

function saysDefinite(error: unknown): boolean {
  return typeof error === "object" && error !== null && "definite" in error && error.definite === true;
}

function sayError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
