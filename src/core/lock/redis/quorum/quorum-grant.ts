import type { AcquireRequest, Hold, LockHolder } from "../../lock.ts";
import { EXCLUSIVE } from "../../lock-mode.ts";
import { proofOf } from "../../lock-token.ts";
import { checkLockValue } from "../../lock-value.ts";
import type { RedisLockKeys } from "../redis-keys.ts";
import { foreignLock, leaseOf } from "../redis-look.ts";
import { answers, count, type Reply } from "./ask-nodes.ts";
import { nodesYoung, tooFewAnswers } from "./quorum-errors.ts";
import type { QuorumNodes } from "./quorum-nodes.ts";
import { describeHold, grantOf, type QuorumRecord, recordOf } from "./quorum-record.ts";
import { type Claim, deadlineOf, fenceAbove } from "./quorum-rule.ts";

/** Somebody who wants a lock. */
export interface Candidate {
  readonly request: AcquireRequest;
  readonly keys: RedisLockKeys;
  readonly token: string;
  readonly ttlMs: number;
  /** How long a place in the queue is kept when the lock is held, ms; 0 takes none. */
  readonly placeMs: number;
}

/**
 * What came of one try. `held`: one other token has so many nodes that no majority is left. `split`: nobody has, as far as is
 * known, or a majority came too late; whoever tries again after a random pause may get it.
 */
export type Tried =
  | { readonly result: "granted"; readonly hold: Hold }
  | { readonly result: "held"; readonly endsInMs: number; readonly holder: LockHolder }
  | { readonly result: "split"; readonly tookMs: number | null; readonly holder: LockHolder | null };

type Denial = readonly [0, pttl: number, value: string, record: string];
type ClaimAnswer = readonly [1, counter: number, time: number] | Denial | readonly [-1];

/**
 * One try in two rounds. Round 1 sets the key on every node and learns the fences and clocks they know; the fence is above
 * all of them. Round 2 writes it as the counter where the key is still ours and every known fence is lower. Granted when a
 * majority of nodes that count took round 2 and the time is not over: every later majority then has a node that knows the
 * fence. Whatever else happens, the key is given back everywhere, also where nothing was heard from.
 *
 * Rejects with LOCK_FOREIGN, NODES_YOUNG, and STORE_UNREACHABLE and its kin.
 */
export async function tryQuorum(nodes: QuorumNodes, candidate: Candidate): Promise<Tried> {
  const { request, keys, token, ttlMs, placeMs } = candidate;
  const { clock, majority } = nodes;
  const fenced = request.noFence !== true;
  const timeoutMs = Math.min(nodes.timeoutMs, ttlMs / 4);
  const proof = proofOf(token);
  const record: QuorumRecord = {
    holder: request.holder,
    reason: request.reason ?? null,
    value: checkLockValue(request.value),
    proof,
    since: clock.now(),
    ttlMs,
    detached: request.detached,
    fence: null,
  };
  const sent = clock.monotonic();
  const claims = await nodes.claim(token, {
    script: "claim",
    keys: [keys.lock, keys.state, keys.queue, keys.places],
    args: [token, ttlMs, fenced && placeMs === 0 ? "" : JSON.stringify(record), placeMs, fenced ? 0 : 1],
    timeoutMs,
    decided: (replies) => claimed(nodes, replies, sent) >= majority || hopeless(replies, majority),
  });
  let granted = claimed(nodes, claims, sent) >= majority;
  const grant = granted && fenced ? fenceAbove(claimsOf(claims)) : grantOf(record);
  const fence = fenced ? grant : null;
  if (granted && fenced) {
    const sealed = (replies: readonly Reply[]) =>
      count(replies, (value, i) => value === 1 && nodes.counts(i, sent));
    const seals = await nodes.ask({
      script: "seal",
      keys: [keys.lock, keys.state],
      args: [token, grant, JSON.stringify({ ...record, fence })],
      timeoutMs,
      except: (i) => denial(claims[i]) !== null,
      decided: (replies) => sealed(replies) >= majority,
    });
    granted = sealed(seals) >= majority;
  }
  const deadline = deadlineOf(sent, ttlMs);
  const now = clock.monotonic();
  if (granted && now < deadline) {
    const expiresAt = Math.round(clock.now() + deadline - now);
    return {
      result: "granted",
      hold: {
        name: request.name,
        token,
        mode: EXCLUSIVE,
        fence,
        grant,
        reentered: false,
        ttlMs,
        deadline,
        expiresAt,
        lease: proof.slice(0, 16),
      },
    };
  }
  // Not awaited: what follows on the same connections comes after it.
  void nodes.release(keys, token, "yield", { ttlMs, except: (i) => denial(claims[i]) !== null });
  if (granted) return { result: "split", tookMs: now - sent, holder: null };
  return denied(nodes, candidate, claims, sent);
}

function denied(nodes: QuorumNodes, { request }: Candidate, claims: readonly Reply[], sent: number): Tried {
  const { majority } = nodes;
  if (count(claims, (value) => (value as ClaimAnswer)[0] === -1) > 0) throw foreignLock(request.name);
  const denials = claims.map(denial).filter((each) => each !== null);
  const tokens = Map.groupBy(denials, ([, , value]) => value);
  const [rival] = [...tokens.values()].sort((a, b) => b.length - a.length);
  const holder = rival?.[0] === undefined ? null : holderOf(rival);
  if (rival !== undefined && holder !== null && rival.length > nodes.all.length - majority) {
    const ends = rival.map(([, pttl]) => pttl).filter((pttl) => pttl >= 0);
    return {
      result: "held",
      endsInMs: ends.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...ends),
      holder,
    };
  }
  if (answers(claims) < majority) throw tooFewAnswers(nodes.url, nodes.all, claims);
  const given = count(claims, (value) => (value as ClaimAnswer)[0] === 1);
  if (given >= majority && claimed(nodes, claims, sent) < majority) {
    throw nodesYoung(
      nodes,
      nodes.all.filter((_, i) => !nodes.counts(i, sent)),
      sent,
    );
  }
  return { result: "split", tookMs: null, holder };
}

function holderOf(denials: readonly Denial[]): LockHolder | null {
  const [first] = denials;
  if (first === undefined) return null;
  const [, pttl, token] = first;
  const record = denials.map(([, , , json]) => recordOf(json, token)).find((each) => each !== null) ?? null;
  return { ...describeHold(token, record, pttl), lease: leaseOf(token) };
}

/** How many nodes that count have the key for us. */
function claimed(nodes: QuorumNodes, replies: readonly Reply[], now: number): number {
  return count(replies, (value, i) => (value as ClaimAnswer)[0] === 1 && nodes.counts(i, now));
}

/** True when so many nodes have another's key that no majority is left. */
function hopeless(replies: readonly Reply[], majority: number): boolean {
  return count(replies, (value) => (value as ClaimAnswer)[0] !== 1) > replies.length - majority;
}

function* claimsOf(replies: readonly Reply[]): Iterable<Claim> {
  for (const reply of replies) {
    if (reply.state !== "answer") continue;
    const [yes, counter, time] = reply.value as ClaimAnswer;
    if (yes === 1) yield { counter, time };
  }
}

/** What a node said that has another's key; null when it did not say so. */
function denial(reply: Reply | undefined): Denial | null {
  if (reply?.state !== "answer") return null;
  const value = reply.value as ClaimAnswer;
  return value[0] === 0 ? value : null;
}
