import type { LockHolder, LockState } from "../../lock.ts";
import { leaseOf } from "../redis-look.ts";
import type { Reply } from "./ask-nodes.ts";
import { describeHold, type QuorumRecord, recordOf } from "./quorum-record.ts";
import { majorityOf } from "./quorum-rule.ts";

/** What a majority of nodes knows of a lock. */
export interface QuorumView {
  /** Null when nobody holds it or waits. */
  readonly state: LockState | null;
  /** The record of the token's hold; null where it is another's, foreign, or gone. */
  readonly record: (token: string) => QuorumRecord | null;
  /** True when so many nodes have another key, or none, that a majority cannot be the token's. */
  readonly lost: (token: string) => boolean;
  /** The token that holds it, whoever that is; null when nobody can. */
  readonly token: string | null;
  /** The token at any node whose hold was seen as `place`; null when that is over. */
  readonly tokenOf: (place: LockHolder) => string | null;
}

interface Look {
  readonly kind: string;
  readonly value: string;
  readonly pttl: number;
  readonly record: string;
  readonly waiting: readonly { readonly token: string; readonly left: number; readonly record: string }[];
}

/** Puts together what look.lua returned on each node that answered. */
export function viewOf(name: string, replies: readonly Reply[]): QuorumView {
  const majority = majorityOf(replies.length);
  const looks = replies.flatMap((reply) => (reply.state === "answer" ? [readLook(reply.value)] : []));
  const missing = replies.length - looks.length;
  const atNodes = new Map<string, Look[]>();
  for (const look of looks) {
    if (look.kind === "none") continue;
    atNodes.set(look.value, [...(atNodes.get(look.value) ?? []), look]);
  }
  const [best] = [...atNodes].sort(([, a], [, b]) => b.length - a.length);
  // Nodes that said nothing may have it too: rather a holder that is gone than none that is there.
  const token = best !== undefined && best[1].length + missing >= majority ? best[0] : null;
  const record = (wanted: string) => {
    for (const look of atNodes.get(wanted) ?? []) {
      const found = recordOf(look.record, wanted);
      if (found !== null) return found;
    }
    return null;
  };
  const waiters = waitersOf(looks, Math.max(1, majority - missing), token);
  const holder =
    token === null
      ? waiters.shift()
      : describeHold(token, record(token), endOf(atNodes.get(token) ?? [], majority));
  return {
    token,
    record,
    state: holder === undefined ? null : { name, mode: holder.mode, holder, holders: [holder], waiters },
    lost: (wanted) => looks.length - (atNodes.get(wanted)?.length ?? 0) > replies.length - majority,
    tokenOf: ({ lease }) => [...atNodes.keys()].find((each) => leaseOf(each) === lease) ?? null,
  };
}

/** The hold ends when fewer than a majority of nodes have it. */
function endOf(looks: readonly Look[], majority: number): number {
  const ends = looks.map(({ pttl }) => pttl).sort((a, b) => b - a);
  return ends[majority - 1] ?? ends.at(-1) ?? 0;
}

/** Who waits at enough nodes, by when they asked: a place on fewer is one that was given up meanwhile. */
function waitersOf(looks: readonly Look[], enough: number, holder: string | null): LockHolder[] {
  const places = new Map<string, { readonly at: number[]; readonly record: string }>();
  for (const { token, left, record } of looks.flatMap(({ waiting }) => waiting)) {
    const place = places.get(token);
    if (place === undefined) places.set(token, { at: [left], record });
    else place.at.push(left);
  }
  return [...places]
    .filter(([token, { at }]) => at.length >= enough && token !== holder)
    .map(([token, { at, record }]) => {
      const place = recordOf(record, token);
      // A place is kept by its process, whatever was asked for, and ends by its own deadline.
      return describeHold(token, place === null ? null : { ...place, detached: false }, Math.max(...at), {
        waits: true,
      });
    })
    .sort((a, b) => (a.since ?? 0) - (b.since ?? 0));
}

function readLook(answer: unknown): Look {
  const [kind, value, pttl, record, now, list] = answer as [string, string, number, string, string, string[]];
  const waiting: { token: string; left: number; record: string }[] = [];
  for (let i = 0; i < list.length; i += 2) {
    const [deadline = "0", ...json] = (list[i + 1] ?? "").split(" ");
    const left = Number(deadline) - Number(now);
    if (left > 0) waiting.push({ token: list[i] ?? "", left, record: json.join(" ") });
  }
  return { kind, value, pttl, record, waiting };
}
