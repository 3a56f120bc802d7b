import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/index.ts";
import { ActionCaller } from "../../../src/core/saga/call/action-caller.ts";
import type { Caller } from "../../../src/core/saga/call/call.ts";
import { parseDefinition, type ReadDefinition } from "../../../src/core/saga/definition/read-definition.ts";
import type { Journal } from "../../../src/core/saga/journal/journal.ts";
import { openJournal } from "../../../src/core/saga/journal/open-journal.ts";
import { Sagas } from "../../../src/core/saga/run/sagas.ts";

/** What one that dies and one that lives share: a connection to the journal, and what makes calls. */
export interface Ground extends AsyncDisposable {
  readonly journal: Journal;
  readonly caller: Caller;
}

export async function openGround(url: string): Promise<Ground> {
  const journal = await openJournal(url, { clock: systemClock, timeoutMs: 20_000, stateDir: tmpdir() });
  const caller = new ActionCaller({
    store: () => Promise.reject(new Error("no service:// in this test")),
    clock: systemClock,
    env: {},
  });
  return {
    journal,
    caller,
    async [Symbol.asyncDispose]() {
      await caller[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}

export function readSaga(text: string): Promise<ReadDefinition> {
  return parseDefinition(text, join(tmpdir(), "saga.yaml"));
}

/** The methods of a journal by which runs are written; each is a point at which a process can die. */
const WRITES = ["create", "commit"];

/**
 * Sagas that die as a process does by SIGKILL, at one point or when they are told to: whatever is under way then may still
 * reach the journal or the service, but nobody hears of it, and nothing is written, kept or sent any more. Points are
 * counted from 1: before and after each write of a run, and before and after each call of a service.
 */
export class MortalSagas {
  readonly sagas: Sagas;
  readonly died: Promise<void>;
  #points = 0;
  #isDead = false;
  readonly #dieAt: number;
  readonly #die: () => void;

  constructor({ journal, caller }: Ground, leaseMs: number, dieAt = Number.POSITIVE_INFINITY) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.died = promise;
    this.#dieAt = dieAt;
    this.#die = resolve;
    this.sagas = new Sagas({
      journal: this.#mortal(journal),
      caller: this.#mortalCaller(caller),
      secrets: { sealer: null, values: {} },
      owner: "mortal",
      leaseMs,
    });
  }

  /** Points that were passed. */
  get points(): number {
    return this.#points;
  }

  kill(): void {
    this.#isDead = true;
    this.#die();
  }

  #point(): void {
    this.#points++;
    if (this.#points === this.#dieAt) this.kill();
  }

  /** The same as long as this lives; nothing, for ever, after. */
  async #living<T>(act: () => Promise<T>, isPoint: boolean): Promise<T> {
    if (isPoint) this.#point();
    if (this.#isDead) return never();
    const result = await act().then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    if (isPoint) this.#point();
    return this.#isDead ? never() : result();
  }

  #mortal(journal: Journal): Journal {
    return new Proxy(journal, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        const isPoint = WRITES.includes(String(name));
        return (...args: readonly unknown[]) =>
          this.#living(async () => Reflect.apply(value, target, args), isPoint);
      },
    });
  }

  #mortalCaller(caller: Caller): Caller {
    return {
      prepare: (action, identity, contexts, step) => {
        const prepared = caller.prepare(action, identity, contexts, step);
        // A signal of the dead would end its calls, which its death does not.
        const signal = new AbortController().signal;
        return {
          ...prepared,
          send: (options) =>
            this.#living(() => prepared.send(this.#isDead ? { ...options, signal } : options), true),
        };
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => {});
}
