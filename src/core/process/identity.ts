import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { basename } from "node:path";
import type { Holder } from "./holder.ts";
import { isDead, readProcStat } from "./proc-stat.ts";
import { groupAlive } from "./process-group.ts";
import { redactCommand } from "./redact-command.ts";

/** What tells one process from every other of the host, also from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** In the kernel's clock ticks since boot. Absent where the system does not say (not Linux), or the process is gone. */
  readonly startTime?: string;
  /** The pid namespace of *this* process: the one in which `pid` has a meaning here. Absent where unknown. */
  readonly pidNamespace?: string;
}

/** Where a holder is compared: our own host name and pid namespace. */
export type Vantage = Pick<Holder, "host" | "pidNamespace">;

let ownNamespace: string | null | undefined;

function pidNamespace(): string | null {
  if (ownNamespace === undefined) {
    try {
      ownNamespace = readlinkSync("/proc/self/ns/pid");
    } catch {
      ownNamespace = null;
    }
  }
  return ownNamespace;
}

/** The identity of a process of this host. Two small reads of /proc; no child process. */
export function processIdentity(pid: number = process.pid): ProcessIdentity {
  const namespace = pidNamespace();
  const stat = readProcStat(pid);
  return {
    pid,
    ...(stat ? { startTime: stat.startTime } : {}),
    ...(namespace === null ? {} : { pidNamespace: namespace }),
  };
}

/**
 * This process as the holder of a lease. `command` is what to show (a command line already put together); without it,
 * this process's own. Shortened, secrets taken out.
 */
export function currentHolder(command?: string): Holder {
  const words = command === undefined ? ownCommand() : [command];
  return { host: hostname(), command: redactCommand(words), ...processIdentity() };
}

function ownCommand(): readonly string[] {
  const [node = "node", script, ...rest] = process.argv;
  return script === undefined ? [basename(node)] : [basename(script).replace(/\.[cm]?[jt]s$/, ""), ...rest];
}

/**
 * True only when it is certain that the holder, and the process group of its command if it has one, can do nothing any
 * more: same host and pid namespace as `self`, and the pid gone, reused or a zombie. Whatever cannot be known counts as
 * alive, and the TTL decides.
 */
export function isGone(holder: Holder, self: Vantage = { host: hostname(), ...processIdentity() }): boolean {
  if (holder.startTime === undefined || holder.pidNamespace === undefined) return false;
  if (holder.host !== self.host || holder.pidNamespace !== self.pidNamespace) return false;
  if (pidAlive(holder.pid, holder.startTime)) return false;
  return holder.group === undefined || !groupMayRun(holder.group);
}

function pidAlive(pid: number, startTime: string): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    // EPERM: it is there and belongs to somebody else, maybe because the pid was reused; the stat below tells.
  }
  const stat = readProcStat(pid);
  // Unreadable (hidepid), or gone between the two looks: the next look will tell.
  if (!stat) return true;
  return stat.startTime === startTime && !isDead(stat);
}

function groupMayRun(group: number): boolean {
  try {
    return groupAlive(group);
  } catch {
    return true;
  }
}

let cachedBootId: string | undefined;

/**
 * Names this boot of the machine; another boot has another one. `unknown` where the system does not say (then a reboot
 * cannot be told). Read once.
 */
export function bootId(): string {
  cachedBootId ??= readBootId();
  return cachedBootId;
}

function readBootId(): string {
  try {
    if (process.platform === "darwin") {
      const text = execFileSync("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "utf8" });
      return text.trim().toLowerCase();
    }
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return "unknown";
  }
}
