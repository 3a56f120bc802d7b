import { bootId } from "../process/identity.ts";
import type { DevDirectory, ServerRecord } from "./dev-state.ts";
import type { EngineName } from "./engine.ts";
import { ENGINES, urlOf } from "./engines.ts";
import { logTail } from "./log-tail.ts";
import { isRunning } from "./server-process.ts";

/**
 * `running`: it answers. `unresponsive`: its process is there and does not answer. `crashed`: it ended without `dcs down`.
 * `stopped`: by `dcs down`, or by a restart of the machine.
 */
export type ServerState = "running" | "unresponsive" | "crashed" | "stopped";

export interface ServerStatus {
  readonly name: string;
  readonly engine: EngineName;
  readonly state: ServerState;
  readonly version: string | null;
  readonly pid: number | null;
  readonly url: string;
  readonly data: string;
  readonly log: string;
  /** ISO 8601; null when it does not run. */
  readonly startedAt: string | null;
  /** The end of the log of a server that crashed or does not answer. */
  readonly tail: readonly string[];
  /** What to type; null where all is well. */
  readonly fix: string | null;
}

const ASK_MS = 2000;

const FIXES: Readonly<Record<ServerState, string | null>> = {
  running: null,
  unresponsive: "dcs down && dcs up",
  crashed: "dcs up   # should it crash again: dcs down --purge, which deletes the data",
  stopped: "dcs up",
};

/** Every server that `dcs up` ever started here and that was not purged. */
export function devStatus(directory: DevDirectory): Promise<readonly ServerStatus[]> {
  return Promise.all(directory.read().servers.map((record) => serverStatus(directory, record)));
}

async function serverStatus(directory: DevDirectory, record: ServerRecord): Promise<ServerStatus> {
  const { name, engine, ports } = record;
  const { state, version } = await look(record);
  const isUp = state === "running" || state === "unresponsive";
  const isIll = state === "crashed" || state === "unresponsive";
  return {
    name,
    engine,
    state,
    version,
    pid: isUp ? (record.process?.pid ?? null) : null,
    url: ENGINES[engine].url(ports[0] ?? 0),
    data: directory.data(name),
    log: directory.log(name),
    startedAt: isUp ? new Date(record.startedAt).toISOString() : null,
    tail: isIll ? logTail(directory.log(name)) : [],
    fix: FIXES[state],
  };
}

async function look(
  record: ServerRecord,
): Promise<{ readonly state: ServerState; readonly version: string | null }> {
  const { process: mark, engine, ports } = record;
  if (mark === null || mark.boot !== bootId()) return { state: "stopped", version: null };
  if (!isRunning(mark)) return { state: "crashed", version: null };
  try {
    return { state: "running", version: await ENGINES[engine].ask(ports[0] ?? 0, ASK_MS) };
  } catch {
    return { state: "unresponsive", version: null };
  }
}

/** Every URL at which a server of ours is or was. */
export function knownUrls(directory: DevDirectory): ReadonlySet<string> {
  const { servers, context } = directory.read();
  return new Set([...servers.map(urlOf), ...Object.values(context?.urls ?? {})]);
}
