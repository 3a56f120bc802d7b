/** Sagas that do nothing, over a real journal, as one process has them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ActionCaller } from "../src/core/saga/call/action-caller.ts";
import { parseDefinition, type ReadDefinition } from "../src/core/saga/definition/read-definition.ts";
import type { Journal } from "../src/core/saga/journal/journal.ts";
import { openJournal } from "../src/core/saga/journal/open-journal.ts";
import { Sagas } from "../src/core/saga/run/sagas.ts";
import { systemClock } from "../src/core/util/clock.ts";
import { pin } from "./support.ts";

export type Kind = "http" | "module";

/** A service that does nothing, a module that does nothing, and sagas of so many steps of either. */
export interface NoOps extends Disposable {
  /** Of the service. */
  readonly url: string;
  /** The file of a saga, and the same read. */
  saga(kind: Kind, steps: number): Promise<{ readonly path: string; readonly read: ReadDefinition }>;
}

export async function openNoOps(): Promise<NoOps> {
  const directory = mkdtempSync(join(tmpdir(), "dcs-bench-"));
  writeFileSync(join(directory, "no-op.mjs"), "export default () => null;\n");
  const script = fileURLToPath(new URL("saga-service.ts", import.meta.url));
  const service = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = (await once(service.stdout, "data")) as [Buffer];
  if (service.pid !== undefined) pin(service.pid, 0);
  const url = `http://127.0.0.1:${String(port).trim()}/`;
  const actions = { http: `http: POST ${url}, body: {}`, module: "module: ./no-op.mjs" };
  return {
    url,
    async saga(kind, steps) {
      const lines = Array.from(
        { length: steps },
        (_, i) => `  - name: s${i + 1}\n    action: { ${actions[kind]} }\n`,
      );
      const text = `saga: ${kind}-${steps}\nsteps:\n${lines.join("")}`;
      const path = join(directory, `${kind}-${steps}.yaml`);
      writeFileSync(path, text);
      return { path, read: await parseDefinition(text, path) };
    },
    [Symbol.dispose]() {
      service.stdin.end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface SagaLab extends AsyncDisposable {
  readonly journal: Journal;
  readonly sagas: Sagas;
}

export async function openSagaLab(url: string): Promise<SagaLab> {
  const journal = await openJournal(url, { clock: systemClock, timeoutMs: 30_000, stateDir: tmpdir() });
  const store = () => Promise.reject(new Error("there are no services to find"));
  const caller = new ActionCaller({ store, clock: systemClock, env: process.env });
  const secrets = { sealer: null, values: {} };
  const sagas = new Sagas({ journal, caller, secrets, owner: `bench/${process.pid}` });
  return {
    journal,
    sagas,
    async [Symbol.asyncDispose]() {
      await caller[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}
