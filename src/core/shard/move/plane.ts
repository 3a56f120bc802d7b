import { DcsError } from "../../errors.ts";
import { fromBytes } from "../../mysql/mysql-connection.ts";
import type { RowKey, Sides } from "../data/apply-keys.ts";
import { applyLog, readBacklog } from "../data/apply-log.ts";
import { type Compare, compareKeys } from "../data/compare-keys.ts";
import { copyBucket } from "../data/copy-bucket.ts";
import { moverTransaction } from "../data/mover-transaction.ts";
import { progressHeaderSql } from "../data/progress.ts";
import { purgeBucket } from "../data/purge-bucket.ts";
import { repairRows, verifyBucket } from "../data/verify-bucket.ts";
import type { Fence } from "./fence.ts";
import type { Move } from "./move.ts";
import { openSession, type Side, sameTables } from "./side.ts";

/** What the phases ask of the data plane, with the move's sessions, tables and limits. */

/** P2: empties the target, and begins the copy last of all. */
export async function emptyTarget(move: Move): Promise<void> {
  const { src, dst, record, token, deps } = move;
  // Tables that differ are told of before anything is deleted.
  sameTables(src, dst);
  await deleteRows(move, dst, ["incoming"], false);
  const { epoch, bucket } = record;
  const header = { epoch, source: src.mark, target: dst.mark, isComplete: false };
  const at = { bucket, token, states: ["incoming"] } as const;
  await dst.lane.use(
    (session) => moverTransaction(session, at, progressHeaderSql(bucket, header)),
    deps.signal,
  );
}

/** P12, A2: deletes the rows of the side that does not have the bucket, and its log. */
export async function emptyOther(move: Move): Promise<void> {
  const { src, dst, held } = move;
  await deleteRows(move, held.isFlipped ? src : dst, ["gone"], true);
  // What an abort leaves of the log speaks of rows that nobody copies any more.
  if (!held.isFlipped) await deleteRows(move, src, ["owned"], true, []);
}

async function deleteRows(
  move: Move,
  side: Side,
  states: readonly ("incoming" | "gone" | "owned")[],
  log: boolean,
  tables = side.tables,
): Promise<void> {
  const { record, token, deps } = move;
  await purgeBucket({
    clock: deps.clock,
    on: () => openSession(side, deps),
    at: { bucket: record.bucket, token, states },
    tables: { tables },
    log,
    throttle: (rows, signal) => move.throttle(rows, signal),
    signal: deps.signal,
  });
}

/** P3. */
export async function copyRows(move: Move): Promise<void> {
  const { src, dst, record, token, deps, report } = move;
  let before = { rows: 0, bytes: 0 };
  const copied = ({ rows, bytes }: typeof before) => {
    report.copied(rows - before.rows, bytes - before.bytes);
    move.note();
    before = { rows, bytes };
  };
  await copyBucket({
    clock: deps.clock,
    src: () => openSession(src, deps),
    dst: () => openSession(dst, deps),
    bucket: record.bucket,
    token,
    tables: { tables: move.tables },
    lanes: deps.options.lanes,
    throttle: async (rows, signal) => {
      await move.throttle(rows, signal);
      await move.point("copy:chunk");
    },
    onProgress: copied,
    signal: deps.signal,
  });
}

/** One round of P4. `backlog`: rows of the log that are left. */
export async function applyRound(move: Move): Promise<{ ids: number; more: boolean; backlog: number }> {
  const { src, record, deps, report, pace } = move;
  const { ids, more, keys } = await pace.round(applyLog(sidesOf(move, deps.signal)));
  soil(move, keys);
  const backlog = more
    ? await src.lane.use((session) => readBacklog(session, record.bucket), deps.signal)
    : 0;
  report.applied(ids, backlog);
  const words = move.behind.round(ids, backlog);
  if (words !== undefined) report.waits(words === null ? null : { what: "backlog", for: words });
  return { ids, more, backlog };
}

/** P6b: the rest of the log under the lock. The target is written even where there is none: it proves our token there. */
export async function drainUnder(move: Move, fence: Fence, signal: AbortSignal): Promise<void> {
  const sides = sidesOf(move, signal);
  for (let always = true; ; always = false) {
    const { ids, more, keys } = await applyLog({ ...sides, fence: fence.session, always });
    soil(move, keys);
    move.report.applied(ids, 0);
    if (!more) return;
  }
}

/**
 * P5: everything is compared. What differs is copied again, and reported, and everything is compared again: of one chunk not all is
 * told. SHARD_INCONSISTENT where that does not help.
 */
export async function verifyRows(move: Move): Promise<void> {
  const { deps, report } = move;
  const compare = compareOf(move, deps.signal);
  const again = new Set<string>();
  for (;;) {
    move.dirty = new Map();
    const { checksums, differences, unsettled } = await verifyBucket({
      ...compare,
      throttle: (rows, signal) => move.throttle(rows, signal),
    });
    soil(move, unsettled);
    if (differences.length === 0) return report.verified(checksums);
    report.different(differences.map(sayKey));
    const twice = differences.filter((key) => again.has(sayKey(key)));
    if (twice.length > 0) throw inconsistent(move, twice);
    for (const key of differences) again.add(sayKey(key));
    await repairRows(compare, differences);
  }
}

/** Compares the keys that were brought since they were compared, so that few are left for the cut. */
export async function verifyDirty(move: Move): Promise<void> {
  await compareDirty(move, compareOf(move, move.deps.signal));
}

/** The same under the lock, where nothing changes any more. False when rows differed; they are copied again by now. */
export function verifyUnder(move: Move, fence: Fence, signal: AbortSignal): Promise<boolean> {
  return compareDirty(move, { ...sidesOf(move, signal), drain: async () => {}, fence: fence.session });
}

async function compareDirty(move: Move, compare: Compare): Promise<boolean> {
  const keys = [...(move.dirty ?? new Map<string, RowKey>()).values()];
  move.dirty = new Map();
  const { differences, unsettled } = await compareKeys(compare, keys);
  soil(move, unsettled);
  if (differences.length === 0) return true;
  soil(move, differences);
  move.report.different(differences.map(sayKey));
  await repairRows(compare, differences);
  return false;
}

function inconsistent(move: Move, rows: readonly RowKey[]): DcsError {
  const { bucket, src, dst } = move.record;
  const shown = rows.slice(0, 20).map(sayKey);
  return new DcsError(
    "SHARD_INCONSISTENT",
    `bucket ${bucket}: ${rows.length} rows differ between ${src} and ${dst} even after they were copied again: ${shown.join("; ")}`,
    { details: { bucket, src, dst, rows: shown, count: rows.length } },
  );
}

/** Strikes all there is in the log, for as long as writers make it longer: the move says so, and the signal ends it. */
async function drainLog(move: Move): Promise<void> {
  do {
    move.mayStop();
  } while ((await applyRound(move)).more);
}

function compareOf(move: Move, signal: AbortSignal): Compare {
  return { ...sidesOf(move, signal), drain: () => drainLog(move) };
}

function sidesOf(move: Move, signal: AbortSignal): Sides {
  const { src, dst, record, token } = move;
  return {
    src: src.lane,
    dst: dst.lane,
    at: { bucket: record.bucket, token, states: ["incoming"] },
    tables: { tables: move.tables },
    signal,
  };
}

function soil({ dirty }: Move, keys: readonly RowKey[]): void {
  if (dirty !== null) for (const key of keys) dirty.set(`${key.table} ${key.pk}`, key);
}

function sayKey({ table, pk }: RowKey): string {
  return `${table} (${fromBytes(pk)})`;
}
