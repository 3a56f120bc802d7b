import { DcsError } from "../errors.ts";
import { formatDuration } from "../util/duration.ts";
import { shellQuote } from "../util/shell-quote.ts";
import type { AcquireRequest, LockHolder, LockMode, LockState } from "./lock.ts";
import { EXCLUSIVE, sayMode } from "./lock-mode.ts";
import { holderDetails, sayHolder } from "./say-holder.ts";

/** What of a lock's state stands in LOCK_HELD. */
export interface LockGlance {
  readonly holder: LockHolder | null;
  readonly holders: { readonly length: number };
  readonly waiters: { readonly length: number };
}

/** A state without what the caller itself has in it, by the lease that is its own. */
export function withoutOwn(state: LockState | null, ownLease: string): LockGlance | null {
  if (state === null) return null;
  const others = (seen: readonly LockHolder[]) => seen.filter(({ lease }) => lease !== ownLease);
  const holders = others(state.holders);
  return { holder: holders[0] ?? null, holders, waiters: others(state.waiters) };
}

/** LOCK_HELD: who holds the lock that was asked for, as seen just now. */
export function lockHeld(request: AcquireRequest, waitedMs: number, state: LockGlance | null): DcsError {
  const { name } = request;
  const holder = state?.holder ?? null;
  const after = waitedMs > 0 ? ` after waiting ${formatDuration(waitedMs)}` : "";
  const beside = (state?.holders.length ?? 1) - 1;
  const also = beside > 0 ? ` and ${beside} more` : "";
  const by = holder === null ? "another holder, gone meanwhile" : `${sayHolder(holder)}${also}`;
  return new DcsError("LOCK_HELD", `lock ${name} is held${after}: ${by}`, {
    details: {
      name,
      waitedMs,
      ...holderDetails(holder),
      holders: state?.holders.length ?? 0,
      waiters: state?.waiters.length ?? 0,
    },
    hint:
      request.waitMs > 0
        ? `see who waits and holds: dcs lock inspect ${shellQuote(name)}`
        : `wait for it with --wait 30s, or see who holds it: dcs lock inspect ${shellQuote(name)}`,
  });
}

/** LOCK_MODE_MIXED: it is held in a mode that does not go with what was asked. */
export function modeMixed({ name, mode = EXCLUSIVE }: AcquireRequest, held: LockHolder): DcsError {
  return new DcsError(
    "LOCK_MODE_MIXED",
    `lock ${name} is held as ${sayMode(held.mode)} and was asked for as ${sayMode(mode)}: ${sayHolder(held)}`,
    {
      details: { name, asked: modeDetails(mode), held: modeDetails(held.mode), ...holderDetails(held) },
      hint: `ask for it as ${sayMode(held.mode)}, wait until it is free, or take another name: dcs lock inspect ${shellQuote(name)}`,
    },
  );
}

/** LOCK_MODE_MIXED for a caller who has the token of a hold that is not enough for what it asked. */
export function holdNotEnough(name: string, held: LockMode, asked: LockMode): DcsError {
  return new DcsError(
    "LOCK_MODE_MIXED",
    `the hold of lock ${name} that is to be shared is ${sayMode(held)}, and was asked for as ${sayMode(asked)}`,
    {
      details: { name, asked: modeDetails(asked), held: modeDetails(held) },
      hint: "who has a hold would wait for itself: take it in the stronger mode from the beginning, or take another name",
    },
  );
}

function modeDetails(mode: LockMode): Readonly<Record<string, unknown>> {
  return { mode: mode.type, slots: mode.type === "slots" ? mode.slots : null };
}

/** LOCK_LOST for a waiter: it had no hold yet. */
export function placeLost(name: string): DcsError {
  return new DcsError("LOCK_LOST", `the place in the queue for lock ${name} was lost while waiting`, {
    details: { name },
    hint: "its lease could not be kept or was revoked; nothing was run; run it again",
  });
}

/** LOCK_LOST for a holder whose command had not begun. */
export function lostBeforeStart(name: string, cause?: unknown): DcsError {
  return new DcsError("LOCK_LOST", `lock ${name} was lost before the command began`, {
    details: { name },
    hint: "nothing was run; run it again, with a longer --ttl if this machine is busy",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** LOCK_FOREIGN: a string that dcs has no record of, so a lock of another tool, or an application's. */
export function foreignHold(name: string, { given = false }: { readonly given?: boolean } = {}): DcsError {
  const quoted = shellQuote(name);
  const message = given
    ? `the key ${name} on Redis is not the value that --foreign gives; it was not touched`
    : `the key ${name} on Redis is not dcs's: another tool holds it as a lock, or an application keeps something there`;
  return new DcsError("LOCK_FOREIGN", message, {
    details: { name, flag: "--foreign" },
    hint: `look at it: redis-cli TYPE ${quoted}; redis-cli GET ${quoted}. If it may be deleted, give its exact value: dcs lock break ${quoted} --foreign VALUE --reason TEXT`,
  });
}

export function lockNotOwned(name: string, holder: LockHolder | null, cause?: unknown): DcsError {
  const now = holder === null ? "nobody holds it now" : `it is held by ${sayHolder(holder)}`;
  return new DcsError("LOCK_NOT_OWNED", `the token given is not that of the holder of lock ${name}: ${now}`, {
    details: { name, ...holderDetails(holder) },
    ...(cause === undefined ? {} : { cause }),
    ...(holder === null ? { hint: "the hold ended before (its TTL ran out, or it was released)" } : {}),
  });
}

export function ttlInvalid(ttlMs: number, minMs: number, maxMs: number): DcsError {
  const problem = ttlMs > maxMs ? `can be at most ${formatDuration(maxMs)}` : "must be above 0";
  return new DcsError("TTL_INVALID", `--ttl ${formatDuration(ttlMs)}: the TTL of a lock ${problem}`, {
    details: { flag: "--ttl", valueMs: ttlMs, minMs, maxMs },
    hint: `give ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as --ttl 30s`,
  });
}
