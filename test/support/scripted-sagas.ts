import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/index.ts";
import type { Caller, CallIdentity } from "../../src/core/saga/call/call.ts";
import { parseDefinition, type ReadDefinition } from "../../src/core/saga/definition/read-definition.ts";
import type { Outcome } from "../../src/core/saga/engine/event.ts";
import type { Journal } from "../../src/core/saga/journal/journal.ts";
import { openJournal } from "../../src/core/saga/journal/open-journal.ts";
import { Sagas } from "../../src/core/saga/run/sagas.ts";

export interface ScriptedOptions {
  readonly url: string;
  readonly leaseMs?: number;
  /** What the service says; without it, all is done. */
  readonly answer?: (call: CallIdentity) => Promise<Outcome> | Outcome;
  /** Throws where a request cannot be worked out. */
  readonly prepare?: (call: CallIdentity) => void;
  /** What the process sees of the journal. */
  readonly through?: (journal: Journal) => Journal;
}

export interface ScriptedSagas extends AsyncDisposable {
  readonly journal: Journal;
  readonly sagas: Sagas;
  /** Every call that was sent, in order. */
  readonly sent: readonly CallIdentity[];
}

/** Sagas over a real journal, as one process would have them, whose services answer as the test says. */
export async function openScripted(options: ScriptedOptions): Promise<ScriptedSagas> {
  const { url, leaseMs = 5000, answer, prepare, through } = options;
  const journal = await openJournal(url, { clock: systemClock, timeoutMs: 5000, stateDir: tmpdir() });
  const sent: CallIdentity[] = [];
  const caller: Caller = {
    prepare(_action, identity) {
      prepare?.(identity);
      return {
        identity,
        inputHash: "ab".repeat(32),
        shown: null,
        send: async () => {
          sent.push(identity);
          return (await answer?.(identity)) ?? { kind: "done", output: null };
        },
      };
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const secrets = { sealer: null, values: {} };
  const seen = through?.(journal) ?? journal;
  const sagas = new Sagas({ journal: seen, caller, secrets, owner: `scripted/${process.pid}`, leaseMs });
  return { journal, sagas, sent, [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose]() };
}

/** The same journal, with one of its methods replaced. */
export function replacing(journal: Journal, methods: Partial<Journal>): Journal {
  return new Proxy(journal, {
    get(target, name) {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

export async function readSaga(...steps: readonly string[]): Promise<ReadDefinition> {
  const lines = steps.map((step) => `  - { ${step} }`);
  return parseDefinition(["saga: s", "steps:", ...lines].join("\n"), join(tmpdir(), "saga.yaml"));
}
