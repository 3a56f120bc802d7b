import { fromBytes } from "../../mysql/mysql-connection.ts";
import type { MysqlTarget } from "../../mysql/mysql-url.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import { compareKeys } from "../data/compare-keys.ts";
import { Lane } from "../data/lane.ts";
import { MoverSession } from "../data/mover-session.ts";
import { readProgress } from "../data/progress.ts";
import { verifyBucket } from "../data/verify-bucket.ts";
import type { Shard } from "../keyspace.ts";
import type { KeyspaceState, MoveState } from "../map/shard-store.ts";
import type { MoveRecord } from "../move/move-record.ts";
import { readTables } from "../schema/table-info.ts";
import { toShardError } from "../shard-error.ts";

/** A bucket that is on two servers at once, compared row by row. */
export interface ComparedMove {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
  /** Rows of the source. */
  readonly rows: number;
  /** By table: digests of all rows of the source. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Rows that differ, and are not on their way from one to the other. `key` as SQL writes it. */
  readonly differences: readonly {
    readonly kind: "missing" | "extra" | "changed";
    readonly table: string;
    readonly key: string;
  }[];
  /** Rows that changed each time they were looked at. */
  readonly unsettled: number;
}

export interface CompareDeps {
  readonly target: (shard: Shard) => MysqlTarget;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Whoever makes the move applies the log; so long it is waited for that, ms. */
const DRAIN_MS = 200;
const LOOKS = 4;

/**
 * Compares both sides of a move whose copy is complete, while applications write. Null where the copy is not complete yet. Rows that
 * are in the log are not differences. Changes nothing. SHARD_UNREACHABLE and its kin.
 */
export async function compareMove(
  { keyspace, shards }: KeyspaceState,
  { record }: MoveState,
  deps: CompareDeps,
): Promise<ComparedMove | null> {
  const [source, target] = sidesOf(record, shards);
  if (source === undefined || target === undefined) return null;
  const { clock, timeoutMs, signal } = deps;
  const lane = (shard: Shard) =>
    new Lane(() => MoverSession.open(deps.target(shard), clock, timeoutMs), clock);
  using src = lane(source);
  using dst = lane(target);
  const names = keyspace.tables.map(({ name }) => name);
  const at = async <T>(shard: Shard, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toShardError(error, { shard: shard.name, shown: deps.target(shard).shown });
    }
  };
  const progress = await at(target, async () => readProgress(await dst.session(), record.bucket));
  if (progress?.isComplete !== true || progress.epoch !== record.epoch) return null;
  const infos = await at(source, async () => readTables(await src.session(), names));
  const tables = { tables: names.flatMap((name) => infos.get(name) ?? []) };
  const { bucket } = record;
  const sides = {
    ...{ src, dst, tables, signal },
    // Nothing is written, so no token is asked for.
    at: { bucket, token: 0, states: [] },
    drain: () => sleep(clock, DRAIN_MS, signal),
  };
  const compared = await at(source, () => verifyBucket(sides));
  let differences = compared.differences;
  let unsettled = compared.unsettled.length;
  // Whoever makes the move applies while we compare: a row that was just brought over looks like a difference, once.
  for (let i = 1; i < LOOKS && differences.length > 0; i++) {
    const again = await at(source, () => compareKeys(sides, differences));
    unsettled += again.unsettled.length;
    differences = again.differences;
  }
  const after = await at(target, async () => readProgress(await dst.session(), bucket));
  // Copied anew, opened or taken back meanwhile: what was compared is not what there is.
  if (after?.isComplete !== true || after.epoch !== record.epoch) return null;
  return {
    ...{ bucket, src: record.src, dst: record.dst, rows: compared.rows, checksums: compared.checksums },
    differences: differences.map(({ kind, table, pk }) => ({ kind, table, key: fromBytes(pk) })),
    unsettled,
  };
}

function sidesOf({ src, dst }: MoveRecord, shards: readonly Shard[]) {
  return [src, dst].map((name) => shards.find((shard) => shard.name === name));
}
