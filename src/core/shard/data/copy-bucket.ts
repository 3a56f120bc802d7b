import { fill } from "../../mysql/sql-text.ts";
import type { Clock } from "../../util/clock.ts";
import type { TableInfo } from "../schema/table-info.ts";
import { Lane } from "./lane.ts";
import type { MoverSession, OpenSession } from "./mover-session.ts";
import { type MoverAt, moverBytes, moverTransaction } from "./mover-transaction.ts";
import { readProgress, type TableProgress } from "./progress.ts";
import { type Chunk, ChunkSize, readChunk } from "./read-chunk.ts";
import { SQL } from "./statements.generated.ts";
import { type MoveTables, TableSql } from "./table-sql.ts";
import type { Throttle } from "./throttle.ts";

/** Bytes of a chunk's text (384 KiB): larger ones are hardly faster, and cost memory. */
const CHUNK_BYTES = 384 * 1024;

export interface CopyArgs {
  readonly clock: Clock;
  /** Each lane reads and writes on sessions of its own; they are destroyed at the end. */
  readonly src: OpenSession;
  readonly dst: OpenSession;
  readonly bucket: number;
  readonly token: number;
  readonly tables: MoveTables;
  /** So many tables at once (2). */
  readonly lanes?: number;
  /** Text of one chunk, bytes (384 KiB); never more than the target takes. */
  readonly chunkBytes?: number;
  readonly throttle?: Throttle;
  /** After each chunk. */
  readonly onProgress?: (done: CopyProgress) => void;
  readonly signal: AbortSignal;
}

export interface CopyProgress {
  readonly table: string;
  /** Rows and bytes of all tables, by this call. */
  readonly rows: number;
  readonly bytes: number;
}

/**
 * P3: copies a bucket from where its progress rows say, to the end. The target's row must be `incoming` with the token and its
 * progress begun; nothing may be applied before it is done. What one chunk has read is written before the next is, in one
 * transaction with the cursor. Rejects with Superseded, a MysqlError, SHARD_ROW_TOO_LARGE, or the signal's reason.
 */
export async function copyBucket(args: CopyArgs): Promise<{ rows: number; bytes: number }> {
  const at: MoverAt = { bucket: args.bucket, token: args.token, states: ["incoming"] };
  using first = new Lane(args.dst, args.clock);
  const progress = await readProgress(await first.session(), args.bucket);
  if (progress === null) throw new TypeError(`the copy of bucket ${args.bucket} was not begun`);
  const sum = { rows: 0, bytes: 0 };
  const stop = new AbortController();
  const signal = AbortSignal.any([args.signal, stop.signal]);
  const queue = args.tables.tables.values();
  const lane = async () => {
    using src = new Lane(args.src, args.clock);
    using dst = new Lane(args.dst, args.clock);
    // The iterator is shared: each lane takes the next table.
    for (const table of queue) {
      const known = progress.tables.get(table.name) ?? null;
      if (known?.isComplete === true) continue;
      await copyTable(table, known, { ...args, signal }, { src, dst, at }, (rows, bytes) => {
        sum.rows += rows;
        sum.bytes += bytes;
        args.onProgress?.({ table: table.name, ...sum });
      });
    }
  };
  try {
    await Promise.all(
      Array.from({ length: args.lanes ?? 2 }, () =>
        lane().catch((error: unknown) => {
          stop.abort(error);
          throw error;
        }),
      ),
    );
  } catch (error) {
    // The first to fail says why; the others were only told to stop.
    throw stop.signal.reason ?? error;
  }
  const complete = fill(SQL["progress-complete"], { bucket: args.bucket });
  await first.use((session) => moverTransaction(session, at, [complete]), args.signal);
  return sum;
}

interface Lanes {
  readonly src: Lane;
  readonly dst: Lane;
  readonly at: MoverAt;
}

async function copyTable(
  info: TableInfo,
  known: TableProgress | null,
  args: CopyArgs,
  { src, dst, at }: Lanes,
  onChunk: (rows: number, bytes: number) => void,
): Promise<void> {
  const { signal, throttle } = args;
  const table = new TableSql(info, at.bucket);
  const limit = (await dst.session()).maxPacket;
  const size = new ChunkSize(Math.min(args.chunkBytes ?? CHUNK_BYTES, limit / 2), limit);
  const read = (after: string | null) =>
    src.use((session) => readChunk(session, table, after, size, info.name), signal);
  const write = (chunk: Chunk) => (session: MoverSession) => {
    const { bound, rows, text } = chunk;
    const mark = fill(SQL["progress-mark"], {
      bucket: at.bucket,
      tbl: table.name,
      reached: bound,
      isComplete: bound === null,
      rows,
    });
    return moverBytes(session, at, text === null ? [mark] : [table.replace(text), mark]);
  };
  let next: Promise<Chunk> | null = read(known?.reached ?? null);
  while (next !== null) {
    const chunk: Chunk = await next;
    await throttle?.(chunk.rows, signal);
    // Nothing is applied in the middle of a copy, so the next chunk may be read while this one is written.
    next = chunk.bound === null ? null : read(chunk.bound);
    next?.catch(() => {});
    await dst.use(write(chunk), signal);
    onChunk(chunk.rows, chunk.text?.length ?? 0);
  }
}
