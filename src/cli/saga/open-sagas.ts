import { hostname } from "node:os";
import type { Settings } from "../../core/config/settings.ts";
import type { Caller } from "../../core/saga/call/call.ts";
import type { Sagas } from "../../core/saga/run/sagas.ts";
import type { ProcessSecrets } from "../../core/saga/secrets/process-secrets.ts";
import type { Store } from "../../core/store/store.ts";
import type { Output } from "../output.ts";

export interface SagaPlaces {
  readonly settings: Settings;
  /** Opened only where a service has to be found. */
  readonly store: () => Promise<Store>;
  readonly leaseMs?: number | undefined;
  /** Given where a run must be there already: a journal that is not is no file to be made, but a mistake to be told of. */
  readonly reader?: Pick<Output, "warn">;
}

/** Sagas with the configured journal; close it by disposing of what this gives. */
export interface OpenSagas extends AsyncDisposable {
  readonly sagas: Sagas;
  readonly caller: Caller;
  readonly secrets: ProcessSecrets;
}

/** Opens the journal and what makes calls. JOURNAL_*, URL_INVALID, CONFIG_INVALID for a DCS_SAGA_KEY that is none. */
export async function openSagas({ settings, store, leaseMs, reader }: SagaPlaces): Promise<OpenSagas> {
  const [{ openJournal }, { Sagas }, { ActionCaller }, { processSecrets }, { systemClock }] =
    await Promise.all([
      import("../../core/saga/journal/open-journal.ts"),
      import("../../core/saga/run/sagas.ts"),
      import("../../core/saga/call/action-caller.ts"),
      import("../../core/saga/secrets/process-secrets.ts"),
      import("../../core/util/clock.ts"),
    ]);
  const secrets = processSecrets(process.env);
  const journal = await openJournal(settings.journal.value, {
    timeoutMs: settings.timeoutMs.value,
    stateDir: settings.stateDir.value,
    clock: systemClock,
    ...(reader !== undefined && {
      ifMissing: (path: string) =>
        reader.warn(
          "JOURNAL_MISSING",
          `there is no journal at ${path}: no saga has been run with it, or the path is mistyped`,
        ),
    }),
  });
  const caller = new ActionCaller({ store, clock: systemClock, env: process.env });
  const sagas = new Sagas({ journal, caller, secrets, owner: `${hostname()}/${process.pid}`, leaseMs });
  return {
    sagas,
    caller,
    secrets,
    async [Symbol.asyncDispose]() {
      await caller[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}
