import { readdirSync, readFileSync } from "node:fs";
import { isDead, readAllProcStats } from "../../src/core/process/proc-stat.ts";
import { until } from "./until.ts";

/**
 * Stops a process with SIGSTOP, and resolves when it stands still. Its threads on other processors go on for a moment after
 * the signal was sent, and a server may still answer. SIGCONT lets it go on.
 */
export async function halt(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  await until(() => threadStates(pid).every((state) => state === "T"), 10_000, 1);
}

function threadStates(pid: number): readonly (string | undefined)[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1");
      return stat.slice(stat.lastIndexOf(")") + 2)[0];
    } catch {
      // It has ended.
      return "T";
    }
  });
}

/**
 * True when the whole process group was stopped. Who started a program with vfork and was stopped before that had begun does
 * not say so: it shows as D for as long as its child stands still.
 */
export function standsStill(group: number): boolean {
  const members = readAllProcStats()?.filter((stat) => stat.group === group && !isDead(stat)) ?? [];
  const stopped = members.filter(({ state }) => state === "T");
  const isHeldUp = (pid: number) => stopped.some(({ parent }) => parent === pid);
  return (
    stopped.length > 0 && members.every(({ pid, state }) => state === "T" || (state === "D" && isHeldUp(pid)))
  );
}
