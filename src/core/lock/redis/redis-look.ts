import { DcsError } from "../../errors.ts";
import type { LockHolder, LockMode, LockState } from "../lock.ts";
import { EXCLUSIVE, fenceOf, modeText, parseMode } from "../lock-mode.ts";
import type { LockRecord } from "../lock-record.ts";
import { proofOf } from "../lock-token.ts";
import { shownValue } from "../lock-value.ts";

/** A hold as one who has its token may know it. */
export interface OwnHold {
  readonly record: LockRecord;
  readonly mode: LockMode;
  readonly grant: number;
}

/** One look at a lock on Redis. */
export interface Look {
  /** The tokens of all who hold it; another tool's value counts as one. */
  readonly tokens: readonly string[];
  /** Null when nobody holds it or waits. */
  readonly state: LockState | null;
  /** The hold of the token; undefined where it has none now. */
  mine(token: string): OwnHold | undefined;
}

interface Seen {
  readonly token: string;
  readonly own: OwnHold | null;
  readonly holder: LockHolder;
}

/** Reads what inspect.lua returns. */
export function readLook(name: string, answer: unknown): Look {
  const [kind, value, pttl, fence, recordJson, now, waiting, beside] = answer as [
    string,
    string,
    number,
    string,
    string,
    string,
    string[],
    string[],
  ];
  const mode = kind === "string" ? parseMode(value) : EXCLUSIVE;
  const seen =
    mode.type === "exclusive"
      ? kind === "none"
        ? []
        : [seenAlone(value, pttl, fence, recordJson)]
      : seenBeside(beside, mode);
  const waiters = readWaiters(waiting, Number(now));
  // Free, and the first who waits has not noticed: it is as good as its.
  const holders = seen.length > 0 ? seen.map(({ holder }) => holder) : waiters.splice(0, 1);
  const [holder] = holders;
  return {
    tokens: kind === "string" ? seen.map(({ token }) => token) : [],
    state: holder === undefined ? null : { name, mode: holder.mode, holder, holders, waiters },
    mine: (token) =>
      kind === "string" ? (seen.find((each) => each.token === token)?.own ?? undefined) : undefined,
  };
}

/** One alone, dcs's or another tool's. */
function seenAlone(value: string, pttl: number, fence: string, json: string): Seen {
  const record = recordOf(json, value);
  const grant = record === null ? 0 : Number(fence);
  const own = record === null ? null : { record, mode: EXCLUSIVE, grant };
  return { token: value, own, holder: describe(record, value, EXCLUSIVE, grant, pttl) };
}

/** Several, first come first: token, ms left, fence and record of each. */
function seenBeside(beside: readonly string[], mode: LockMode): readonly Seen[] {
  const seen: Seen[] = [];
  for (let i = 0; i < beside.length; i += 3) {
    const [token = "", left = "0", text = ""] = beside.slice(i, i + 3);
    const space = text.indexOf(" ");
    const record = recordOf(text.slice(space + 1), token);
    const grant = Number(text.slice(0, Math.max(0, space)));
    const own = record === null ? null : { record, mode, grant };
    seen.push({ token, own, holder: describe(record, token, mode, grant, Number(left)) });
  }
  return seen.sort((a, b) => a.holder.grant - b.holder.grant);
}

/** Token and place of each, by arrival; those that have died are left out. */
function readWaiters(waiting: readonly string[], now: number): LockHolder[] {
  const waiters: LockHolder[] = [];
  for (let i = 0; i < waiting.length; i += 2) {
    const [deadline = "0", _told, mode = "", ...json] = (waiting[i + 1] ?? "").split(" ");
    const left = Number(deadline) - now;
    const record = parse(json.join(" "));
    // A place in the queue is kept by its process, whatever was asked for.
    const place = record === null ? null : { ...record, detached: false };
    if (left > 0) waiters.push(describe(place, waiting[i] ?? "", parseMode(mode), 0, left));
  }
  return waiters;
}

/** The token of the hold that was seen as `place`; null when that is over. */
export function tokenSeen({ tokens }: Look, { lease }: LockHolder): string | null {
  return tokens.find((token) => leaseOf(token) === lease) ?? null;
}

/** Who holds a lock alone, from what acquire.lua returns of it; null when nobody does, or several. */
export function readHolder(
  pttl: number,
  value: string,
  fence: string,
  recordJson: string,
): LockHolder | null {
  if (value === "" || modeText(parseMode(value)) !== "") return null;
  return seenAlone(value, pttl, fence, recordJson).holder;
}

/** LOCK_FOREIGN: the key is an application's, and a lock must never touch it. */
export function foreignLock(name: string): DcsError {
  return new DcsError("LOCK_FOREIGN", `the key ${name} on Redis is not a lock: it is not a string`, {
    details: { name },
    hint: "an application uses this key for something else; choose another lock name",
  });
}

function describe(
  record: LockRecord | null,
  token: string,
  mode: LockMode,
  grant: number,
  remainingMs: number,
): LockHolder {
  return {
    holder: record?.holder ?? null,
    reason: record?.reason ?? null,
    value: shownValue(record?.value),
    lease: leaseOf(token),
    mode,
    fence: fenceOf(mode, grant),
    grant,
    since: record?.since ?? null,
    ttlMs: record?.ttlMs ?? 0,
    remainingMs: Math.max(0, Math.round(remainingMs)),
    detached: record?.detached ?? false,
  };
}

/** What stands for the lease of a hold: Redis has none, and the token is secret. */
export function leaseOf(token: string): string {
  return proofOf(token).slice(0, 16);
}

/** The record outlives its hold, and another tool's hold has none. */
function recordOf(json: string, token: string): LockRecord | null {
  const record = parse(json);
  return record?.proof === proofOf(token) ? record : null;
}

function parse(json: string): LockRecord | null {
  try {
    return json === "" ? null : (JSON.parse(json) as LockRecord);
  } catch {
    return null;
  }
}
