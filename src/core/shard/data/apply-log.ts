import { fromBytes } from "../../mysql/mysql-connection.ts";
import { fill, rowsOf } from "../../mysql/sql-text.ts";
import { applyKeys, type RowKey, type Sides } from "./apply-keys.ts";
import type { MoverSession } from "./mover-session.ts";
import { moverTransaction } from "./mover-transaction.ts";
import { SQL } from "./statements.generated.ts";

/** Rows of the log in one round: of a longer list of ids MariaDB makes a table, and joins it. */
const ROUND_ROWS = 900;

export interface ApplyArgs extends Sides {
  /**
   * During the cut: the session whose open transaction holds the X lock of the bucket's row. The log is read and deleted there: a
   * mover's transaction at the source would wait for it, and would not see what it has deleted.
   */
  readonly fence?: MoverSession;
  /** Rows of the log (900). */
  readonly limit?: number;
  /** Makes the transaction at the target for an empty log as well: it proves that the token still stands there. */
  readonly always?: boolean;
}

export interface Applied {
  /** Rows of the log that were struck. */
  readonly ids: number;
  /** Whether there may be more. */
  readonly more: boolean;
  /** What they spoke of, each once. */
  readonly keys: readonly RowKey[];
}

/**
 * One round of P4: ids first, rows second. The copy must be complete. Rejects with Superseded, a MysqlError, SHARD_ROW_TOO_LARGE.
 */
export async function applyLog(args: ApplyArgs): Promise<Applied> {
  const { src, at, fence, signal, limit = ROUND_ROWS } = args;
  const { bucket } = at;
  const question = [fill(SQL["log-read"], { bucket, limit })];
  const [log = []] =
    fence === undefined
      ? await src.use((session) => session.sendBytes(question), signal)
      : await fence.sendBytes(question);
  const byName = new Map<string, RowKey>();
  for (const row of log) byName.set(`${row["tbl"]} ${row["pk"]}`, keyOf(row));
  const keys = [...byName.values()];
  if (args.always === true && keys.length === 0) {
    await args.dst.use((session) => moverTransaction(session, at, []), signal);
  }
  await applyKeys(args, keys);
  if (log.length > 0) {
    // Each by its id: one with a lower id may be committed by now, which we have not read.
    const struck = [fill(SQL["log-delete"], { ids: rowsOf(log.map((row) => ({ id: Number(row["id"]) }))) })];
    if (fence !== undefined) await fence.send(struck);
    else {
      const here = { bucket, token: at.token, states: ["moving"] } as const;
      await src.use((session) => moverTransaction(session, here, struck), signal);
    }
  }
  return { ids: log.length, more: log.length === limit, keys };
}

/** How many rows the log has for the bucket. */
export async function readBacklog(session: MoverSession, bucket: number): Promise<number> {
  const [[row] = []] = await session.send([fill(SQL["log-backlog"], { bucket })]);
  return Number(row?.["rows_left"] ?? 0);
}

function keyOf(row: Readonly<Record<string, string | number | null>>): RowKey {
  return { table: fromBytes(String(row["tbl"])), pk: String(row["pk"]) };
}
