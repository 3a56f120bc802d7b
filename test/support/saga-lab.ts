import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/index.ts";
import { ActionCaller } from "../../src/core/saga/call/action-caller.ts";
import type { Caller } from "../../src/core/saga/call/call.ts";
import { parseDefinition, type ReadDefinition } from "../../src/core/saga/definition/read-definition.ts";
import type { Outcome } from "../../src/core/saga/engine/event.ts";
import type { Journal } from "../../src/core/saga/journal/journal.ts";
import { openJournal } from "../../src/core/saga/journal/open-journal.ts";
import { Sagas } from "../../src/core/saga/run/sagas.ts";

export interface LabOptions {
  /** Of the journal: `embedded:/path`, `mysql://…`. */
  readonly url: string;
  readonly leaseMs?: number;
  readonly timeoutMs?: number;
  /** Around each write of a run. */
  readonly aroundWrite?: <T>(write: () => Promise<T>) => Promise<T>;
  /** Around each call of a service. */
  readonly aroundCall?: (call: () => Promise<Outcome>) => Promise<Outcome>;
}

/** Sagas over a real journal and real calls, as one process would have them. */
export interface SagaLab extends AsyncDisposable {
  readonly journal: Journal;
  readonly sagas: Sagas;
  read(text: string): Promise<ReadDefinition>;
}

export async function openLab(options: LabOptions): Promise<SagaLab> {
  const { url, leaseMs = 1000, timeoutMs = 5000, aroundWrite, aroundCall } = options;
  const opened = await openJournal(url, { clock: systemClock, timeoutMs, stateDir: tmpdir() });
  const real = new ActionCaller({
    store: () => Promise.reject(new Error("no service:// in this test")),
    clock: systemClock,
    env: process.env,
  });
  const journal = aroundWrite === undefined ? opened : writingThrough(opened, aroundWrite);
  const caller = aroundCall === undefined ? real : callingThrough(real, aroundCall);
  const secrets = { sealer: null, values: {} };
  const sagas = new Sagas({ journal, caller, secrets, owner: `lab/${process.pid}`, leaseMs });
  return {
    journal,
    sagas,
    read: (text) => parseDefinition(text, join(tmpdir(), "saga.yaml")),
    async [Symbol.asyncDispose]() {
      await real[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** The same journal, with something around its `create` and `commit`. */
function writingThrough(journal: Journal, around: NonNullable<LabOptions["aroundWrite"]>): Journal {
  return new Proxy(journal, {
    get(target, name) {
      if (name === "create") {
        return (run: Parameters<Journal["create"]>[0]) => around(() => target.create(run));
      }
      if (name === "commit") {
        const commit: Journal["commit"] = (changes, lease) => around(() => target.commit(changes, lease));
        return commit;
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function callingThrough(caller: Caller, around: NonNullable<LabOptions["aroundCall"]>): Caller {
  return {
    prepare(action, identity, contexts, step) {
      const prepared = caller.prepare(action, identity, contexts, step);
      return { ...prepared, send: (options) => around(() => prepared.send(options)) };
    },
    [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose](),
  };
}
