import { readdirSync, readlinkSync } from "node:fs";
import { readProcStat } from "../../process/proc-stat.ts";
import { type Finding, ok, unknown, warn } from "../check.ts";

/**
 * Stopped processes (SIGSTOP, Ctrl-Z, a debugger) that have the file open: one that was stopped in a write keeps all
 * others out. Only what this user may see; only stopped processes are looked into.
 */
export function examineHolders(path: string): Finding {
  if (process.platform !== "linux") return unknown("stopped-processes", "can be told on Linux only");
  const stopped = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && /^[Tt]$/.test(readProcStat(Number(name))?.state ?? ""))
    .filter((name) => hasOpen(name, path));
  if (stopped.length === 0) return ok("stopped-processes", "none has the file open", { pids: [] });
  return warn(
    "stopped-processes",
    `stopped with the file open: pid ${stopped.join(", ")}; what they hold blocks others until their TTL, a write for ever`,
    `kill -CONT ${stopped.join(" ")}`,
    { data: { pids: stopped.map(Number) } },
  );
}

function hasOpen(pid: string, path: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === path);
  } catch {
    return false;
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
