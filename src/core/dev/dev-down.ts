import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readSelection, writeSelection } from "../config/selection.ts";
import { DcsError } from "../errors.ts";
import type { Clock } from "../util/clock.ts";
import { DEV_CONTEXT, removeDevContext } from "./dev-context.ts";
import { withDevLock } from "./dev-lock.ts";
import { DevDirectory } from "./dev-state.ts";
import { knownUrls } from "./dev-status.ts";
import { isRunning, stopServer } from "./server-process.ts";

export interface DevDownRequest {
  readonly stateDir: string;
  /** Deletes data, logs, and context `dev` too. */
  readonly purge: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (message: string) => void;
}

export interface DevDownResult {
  readonly stopped: readonly { readonly name: string; readonly pid: number }[];
  readonly purged: boolean;
  /** The file from which context `dev` was taken; null when it was not. */
  readonly contextRemovedFrom: string | null;
  /** True while `dcs config use` still selects context `dev` of these servers. */
  readonly stillSelected: boolean;
}

/** Ends exactly the processes that `dcs up` started. ENGINE_FAILED when one outlives SIGKILL. */
export async function devDown(request: DevDownRequest): Promise<DevDownResult> {
  const { stateDir, purge, clock, signal, onProgress } = request;
  const directory = new DevDirectory(stateDir);
  if (!existsSync(directory.path)) {
    return { stopped: [], purged: false, contextRemovedFrom: null, stillSelected: false };
  }
  const onWait = (pid: number | null) =>
    onProgress(`waiting for another dcs up or down (pid ${pid ?? "unknown"})`);
  return withDevLock(directory, { clock, signal, onWait }, async () => {
    const stopped = await stopAll(directory, clock);
    const file = directory.read().context?.file ?? null;
    const removed = purge && file !== null && (await removeDevContext(file, knownUrls(directory)));
    const isSelected = selects(stateDir, file);
    if (removed && isSelected) writeSelection(stateDir, null);
    if (purge) {
      for (const name of ["data", "log"])
        rmSync(join(directory.path, name), { recursive: true, force: true });
      rmSync(directory.stateFile, { force: true });
    }
    return {
      stopped,
      purged: purge,
      contextRemovedFrom: removed ? file : null,
      stillSelected: isSelected && !removed,
    };
  });
}

async function stopAll(directory: DevDirectory, clock: Clock): Promise<DevDownResult["stopped"]> {
  const { servers } = directory.read();
  const stopped = await Promise.all(
    servers.map(async (record) => {
      const { name, process: mark } = record;
      if (mark === null) return [];
      const ran = isRunning(mark);
      if (ran && !(await stopServer(mark, clock))) {
        throw new DcsError("ENGINE_FAILED", `${name} (pid ${mark.pid}) goes on after SIGKILL`, {
          details: { server: name, pid: mark.pid },
          hint: `ps -o pid,stat,wchan:30,args -p ${mark.pid}`,
        });
      }
      directory.record({ ...record, process: null });
      return ran ? [{ name, pid: mark.pid }] : [];
    }),
  );
  return stopped.flat();
}

function selects(stateDir: string, file: string | null): boolean {
  const selection = readSelection(stateDir);
  return selection !== null && selection.context === DEV_CONTEXT && selection.file === file;
}
