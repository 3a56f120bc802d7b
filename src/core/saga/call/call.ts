import type { Action, Step } from "../definition/definition.ts";
import type { Contexts, Json } from "../definition/expression.ts";
import type { Outcome } from "../engine/event.ts";
import type { Direction } from "../engine/run-state.ts";
import type { Redactor } from "../secrets/redactor.ts";

/** What a call is told about itself. Sent with it, so that a service can tell attempts of one call from other calls. */
export interface CallIdentity {
  readonly runId: string;
  readonly rootId: string;
  readonly saga: string;
  readonly step: string;
  readonly direction: Direction;
  readonly asks: "effect" | "probe";
  /** The same for every attempt; of a probe the key of the action that it asks about. */
  readonly key: string;
  /** Of a compensation the key of the action that it undoes; null elsewhere. */
  readonly actionKey: string | null;
  readonly attempt: number;
}

/** What one call may read, and what belongs to it besides. Made by `contextsOf`. */
export interface CallContexts {
  /** What its expressions read. */
  readonly values: Contexts;
  /** The same for `inputHash`: without key and run, and with marks in place of secrets. */
  readonly hashed: Contexts;
  /** Absolute directory that programs are run in. */
  readonly directory: string;
  /** Takes the secrets out of texts. */
  readonly redactor: Redactor;
}

/** A call with every expression worked out, not sent yet. */
export interface PreparedCall {
  readonly identity: CallIdentity;
  /** SHA-256 of what is asked for, without key, attempt and run, hex: the same request has the same hash. */
  readonly inputHash: string;
  /** The request as it may be shown and written down: secrets taken out. */
  readonly shown: Json;
  /** Sends it, once. Never rejects: what went wrong is an outcome. */
  send(options: SendOptions): Promise<Outcome>;
}

export interface SendOptions {
  /** Longest time, ms. With 0 or less nothing is sent. */
  readonly timeoutMs: number;
  /** Ends the attempt at once, as unknown if it was sent. */
  readonly signal: AbortSignal;
}

/** Makes calls of actions. A probe's outcome: `done` it took effect, `failed` it did not, all else is not known. */
export interface Caller extends AsyncDisposable {
  /** Throws an Error where an expression has no value. */
  prepare(action: Action, identity: CallIdentity, contexts: CallContexts, step: Step): PreparedCall;
}
