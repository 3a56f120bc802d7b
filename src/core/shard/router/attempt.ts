import { DcsError } from "../../errors.ts";
import type { SqlParam } from "../../mysql/bind-params.ts";
import { isMysqlError, type MysqlError, PoolBusyError } from "../../mysql/mysql-error.ts";
import type { Clock } from "../../util/clock.ts";
import type { BucketOwner, ShardMap } from "../keyspace.ts";
import { BucketRefusal, refusalOf, type Wanted } from "./bucket-refusal.ts";
import type { Membership, Ticket } from "./membership.ts";
import { serverError } from "./server-error.ts";
import type { ShardPools } from "./shard-pools.ts";
import { bound, OpenTransaction, type Place, resultOf, type ShardResult } from "./shard-transaction.ts";

/** One try came to nothing, and did nothing: what to do about it. */
export interface Failed {
  /** `moved`: read the map again. `rerouted`: it is newer already, and nothing was sent. */
  readonly why: "moved" | "conflict" | "lost" | "rerouted";
  readonly place: Place;
  /** Of the map by which it was routed. */
  readonly revision: number;
  /** A BucketRefusal where it moved. */
  readonly error: unknown;
}

export type Tried<T> = { readonly value: T } | { readonly failed: Failed };

export interface TryParts {
  readonly clock: Clock;
  readonly membership: Membership;
  readonly pools: ShardPools;
  /** The transaction's own first. */
  readonly buckets: readonly [number, ...number[]];
  readonly limits: { readonly transactionMs: number; readonly waitMs: number; readonly answerMs: number };
}

/** Runs a transaction once. Rejects with what no other try can help, also where it is not known whether it was committed. */
export function tryTransaction<T>(
  parts: TryParts,
  work: (tx: OpenTransaction) => Promise<T>,
): Promise<Tried<T>> {
  return tryOn(parts, async (connection, place, ticket, mark) => {
    await connection.send(["START TRANSACTION"]);
    const tx = new OpenTransaction(connection, place);
    let value: T;
    try {
      value = await inTime(work(tx), parts);
    } catch (error) {
      if (error instanceof Slow) {
        const slow = tooSlow(place, parts.limits.transactionMs);
        tx.abandon(slow);
        throw slow;
      }
      // What the server said weighs more than what the application made of it.
      await tx.finish();
      throw new OfApplication(error);
    }
    await tx.finish();
    // What outlived its lease may have read rows that were being deleted.
    if (!ticket.isCertain) await tx.guard();
    mark.committing = true;
    await connection.send(["COMMIT"]);
    return value;
  });
}

/** Runs a statement that changes nothing, outside of any transaction. */
export function tryRead(
  parts: TryParts,
  sql: string,
  params: readonly SqlParam[],
): Promise<Tried<ShardResult>> {
  const text = bound(sql, params);
  return tryOn(parts, async (connection, place, ticket) => {
    const answer = await connection.query(text);
    // As a transaction that outlived its lease: it may have read rows that were being deleted.
    if (!ticket.isCertain) await new OpenTransaction(connection, place).guard();
    return resultOf(answer);
  });
}

class Slow extends Error {}

async function inTime<T>(work: Promise<T>, { clock, limits }: TryParts): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = clock.timer(limits.transactionMs, () => late.reject(new Slow()));
  work.catch(() => {});
  return await Promise.race([work, late.promise]).finally(cancel);
}

function tooSlow({ shard }: Place, transactionMs: number): DcsError {
  return new DcsError(
    "SHARD_TRANSACTION_SLOW",
    `a transaction on shard ${shard} was not done within ${transactionMs} ms; it is rolled back`,
    { details: { shard, transactionMs } },
  );
}

/** What the function of a transaction threw by itself. */
class OfApplication extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super("the function of the transaction threw");
    this.thrown = thrown;
  }
}

class Rerouted extends Error {}

type Lent = Parameters<Parameters<Awaited<ReturnType<ShardPools["to"]>>["use"]>[0]>[0];

async function tryOn<T>(
  { membership, pools, buckets, limits }: TryParts,
  work: (connection: Lent, place: Place, ticket: Ticket, mark: { committing: boolean }) => Promise<T>,
): Promise<Tried<T>> {
  const before = membership.map.present;
  const mark = { committing: false };
  let ticket: Ticket | null = null;
  let place = placeOf(before, buckets, pools);
  const { shard } = place;
  try {
    const pool = await pools.to(shard);
    const value = await pool.use(
      async (connection) => {
        // Waiting for the session took its time: the map of now counts, and the transaction begins here.
        ticket = membership.begin();
        place = placeOf(ticket.map, buckets, pools);
        if (place.shard !== shard) throw new Rerouted();
        return await work(connection, place, ticket, mark);
      },
      // The limit of a transaction's own time comes first, so that it is what is told.
      limits.waitMs + limits.transactionMs + limits.answerMs,
      limits,
    );
    return { value };
  } catch (error) {
    const failed = (why: Failed["why"], what: unknown = error) => {
      const revision = (ticket as Ticket | null)?.map.revision ?? before.revision;
      return { failed: { why, place, revision, error: what } } as const;
    };
    if (error instanceof Rerouted) return failed("rerouted");
    if (error instanceof OfApplication) throw error.thrown;
    if (error instanceof BucketRefusal || refusalOf(error, place.wanted[0].bucket) !== null)
      return failed("moved");
    if (isMysqlError(error, "conflict")) return failed("conflict");
    if (mark.committing && isMysqlError(error)) throw outcomeUnknown(error, shard);
    // Without a COMMIT the server rolls back; a server that is not there at all is no matter of trying again.
    const wasSent = ticket !== null && !(error instanceof PoolBusyError);
    if (wasSent && isMysqlError(error, "lost")) return failed("lost");
    throw serverError(error, place);
  } finally {
    (ticket as Ticket | null)?.end();
  }
}

function outcomeUnknown(error: MysqlError, shard: string): DcsError {
  return new DcsError(
    "SHARD_OUTCOME_UNKNOWN",
    `shard ${shard} did not confirm a COMMIT (${error.message}): the transaction was done or was not`,
    { cause: error, details: { shard } },
  );
}

/** Where buckets are by a map. SHARD_KEYS_APART when that is not one shard. */
function placeOf({ owners }: ShardMap, buckets: readonly [number, ...number[]], pools: ShardPools): Place {
  const [first, ...more] = buckets.map((bucket): Wanted & BucketOwner => {
    const owner = owners[bucket];
    if (owner === undefined) throw new Error(`the map has no bucket ${bucket}`);
    return { bucket, ...owner };
  });
  if (first === undefined) throw new Error("no bucket was given");
  const apart = more.find(({ shard }) => shard !== first.shard);
  if (apart !== undefined) {
    throw new DcsError(
      "SHARD_KEYS_APART",
      `bucket ${first.bucket} is on shard ${first.shard}, bucket ${apart.bucket} on ${apart.shard}: no transaction reaches both`,
      { details: { buckets, shards: [first.shard, apart.shard] } },
    );
  }
  return { ...pools.placeOf(first.shard), wanted: [first, ...more] };
}
