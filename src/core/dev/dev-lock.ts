import { openLocks } from "../lock/open-locks.ts";
import { currentHolder } from "../process/identity.ts";
import type { Clock } from "../util/clock.ts";
import type { DevDirectory } from "./dev-state.ts";

const NAME = "servers";
/** A crash frees the lock at once where the system tells; elsewhere this does. Longer than any work under it. */
const TTL_MS = 180_000;

export interface DevLockOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Somebody else is at work; called once. */
  readonly onWait: (pid: number | null) => void;
}

/** Runs `work` while no other `dcs up` or `dcs down` works on the same directory. */
export async function withDevLock<T>(
  directory: DevDirectory,
  { clock, signal, onWait }: DevLockOptions,
  work: () => Promise<T>,
): Promise<T> {
  await using locks = await openLocks({
    url: directory.lockUrl,
    timeoutMs: 10_000,
    stateDir: directory.path,
    clock,
  });
  const hold = await locks.acquire({
    name: NAME,
    ttlMs: TTL_MS,
    waitMs: TTL_MS,
    holder: currentHolder(),
    detached: false,
    onWait: ({ holder }) => onWait(holder?.pid ?? null),
    signal,
  });
  try {
    return await work();
  } finally {
    await locks.release(NAME, hold.token).catch(() => {});
  }
}
