import { isDead, readAllProcStats, readProcStat } from "./proc-stat.ts";

/** Sends `signal` to every member of the group (0 only looks). False when the group has no member at all. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  // kill(-1) and kill(0) mean "everybody" and "my own group": a wrong number must never become one of them.
  if (!Number.isSafeInteger(group) || group <= 1) throw new RangeError(`not a process group: ${group}`);
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error) {
      if (error.code === "ESRCH") return false;
      // It exists, and belongs to another user (sudo, setuid).
      if (error.code === "EPERM") return true;
    }
    throw error;
  }
}

/**
 * True while any member of the group can still run. Zombies do not count where they can be told (Linux): an orphan that
 * pid 1 never reaps, as in many containers, would otherwise keep the group for ever.
 */
export function groupAlive(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  const leader = readProcStat(group);
  // The usual case, without a look at every process.
  if (leader && leader.group === group && !isDead(leader)) return true;
  const stats = readAllProcStats();
  // An empty list is a /proc that hides processes (hidepid) or is not mounted: believe kill().
  if (stats === null || stats.length === 0) return true;
  const members = stats.filter((stat) => stat.group === group);
  if (members.length === 0) return signalGroup(group, 0);
  return members.some((stat) => !isDead(stat));
}
