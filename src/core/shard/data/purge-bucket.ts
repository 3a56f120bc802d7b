import { fill } from "../../mysql/sql-text.ts";
import type { Clock } from "../../util/clock.ts";
import { Lane } from "./lane.ts";
import type { OpenSession } from "./mover-session.ts";
import { type MoverAt, moverBytes } from "./mover-transaction.ts";
import { SQL } from "./statements.generated.ts";
import { type MoveTables, TableSql } from "./table-sql.ts";
import type { Throttle } from "./throttle.ts";

const FIRST_ROWS = 200;
const MOST_ROWS = 5000;
/** Of one chunk: whoever shares its pages and its log waits no longer. */
const CHUNK_MS = 50;

export interface PurgeArgs {
  readonly clock: Clock;
  readonly on: OpenSession;
  /** `incoming` for P2, `gone` for P12 and A2. */
  readonly at: MoverAt;
  readonly tables: MoveTables;
  /** Deletes what is left of the bucket's log too. */
  readonly log?: boolean;
  readonly throttle?: Throttle;
  /** After each chunk, with the rows so far. */
  readonly onProgress?: (rows: number) => void;
  readonly signal: AbortSignal;
}

/** P2, P12, A2: deletes all rows of a bucket in chunks. Rejects with Superseded, a MysqlError, or the signal's reason. */
export async function purgeBucket(args: PurgeArgs): Promise<{ rows: number }> {
  const { clock, at, signal, throttle } = args;
  const { bucket } = at;
  using lane = new Lane(args.on, clock);
  const deletions = args.tables.tables.map((info) => {
    const table = new TableSql(info, bucket);
    return (limit: number) => table.deleteFirst(limit);
  });
  if (args.log === true) deletions.push((limit) => fill(SQL["log-purge"], { bucket, limit }));
  let rows = 0;
  for (const deletion of deletions) {
    for (let limit = FIRST_ROWS, deleted = limit; deleted === limit; ) {
      await throttle?.(limit, signal);
      const begin = clock.monotonic();
      const asked = limit;
      const statements = [deletion(asked), "SELECT ROW_COUNT() AS deleted"];
      const [, [count] = []] = await lane.use((session) => moverBytes(session, at, statements), signal);
      const found = Number(count?.["deleted"] ?? 0);
      rows += found;
      args.onProgress?.(rows);
      if (found < asked) break;
      const ms = Math.max(1, clock.monotonic() - begin);
      limit = Math.max(1, Math.min(MOST_ROWS, asked * 2, Math.round((asked * CHUNK_MS) / ms)));
      deleted = limit;
    }
  }
  return { rows };
}
