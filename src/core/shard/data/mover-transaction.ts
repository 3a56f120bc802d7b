import type { MysqlResult } from "../../mysql/mysql-connection.ts";
import { MysqlError } from "../../mysql/mysql-error.ts";
import { fill, listOf } from "../../mysql/sql-text.ts";
import { BUCKET_TABLE, type BucketState, MOVER_VARIABLE } from "../names.ts";
import type { MoverSession } from "./mover-session.ts";

/** Of a subquery that returned two rows where one was wanted. */
const TWO_ROWS = 1242;

/** Where a mover may write: the bucket's row must have this token and one of these states until the COMMIT. */
export interface MoverAt {
  readonly bucket: number;
  readonly token: number;
  readonly states: readonly BucketState[];
}

/** A mover's transaction found another token, or another state: its runner forgets everything. Nothing was written. */
export class Superseded extends Error {
  override readonly name = "Superseded";
  readonly at: MoverAt;

  constructor(at: MoverAt) {
    super(`bucket ${at.bucket} is not ${at.states.join(" or ")} with token ${at.token} any more`);
    this.at = at;
  }
}

/**
 * Writes as the mover of a bucket (action 2 of docs/shards-protocol.md), in one round trip; what each statement returned. Rejects with
 * Superseded or a MysqlError; then nothing was written, unless the answer was lost. The session is destroyed by either.
 */
export function moverTransaction(
  session: MoverSession,
  at: MoverAt,
  statements: readonly string[],
): Promise<readonly MysqlResult[]> {
  return transact(at, statements, (all) => session.send(all));
}

/** The same with statements of one character a byte. */
export function moverBytes(
  session: MoverSession,
  at: MoverAt,
  statements: readonly string[],
): Promise<readonly MysqlResult[]> {
  return transact(at, statements, (all) => session.sendBytes(all));
}

async function transact(
  at: MoverAt,
  statements: readonly string[],
  send: (statements: readonly string[]) => Promise<readonly MysqlResult[]>,
): Promise<readonly MysqlResult[]> {
  const before = [
    "START TRANSACTION",
    checkSql(at),
    // From here the triggers only compare each row's bucket with it.
    `SET ${MOVER_VARIABLE} = ${at.bucket}`,
  ];
  try {
    const results = await send([...before, ...statements, "COMMIT", `SET ${MOVER_VARIABLE} = NULL`]);
    return results.slice(before.length, before.length + statements.length);
  } catch (error) {
    throw error instanceof MysqlError && error.errno === TWO_ROWS ? new Superseded(at) : error;
  }
}

/**
 * Fails on the server, and so ends what was sent with it, unless the row is as it must be. The S lock stays to the COMMIT. A
 * SIGNAL would say it better, but MySQL has none outside of a stored program.
 */
function checkSql({ bucket, token, states }: MoverAt): string {
  return fill(
    `SELECT IF(COUNT(*) = 1, 1, (SELECT 1 UNION ALL SELECT 2)) AS is_mine FROM ${BUCKET_TABLE}
      WHERE bucket = :bucket AND token = :token AND state IN (:states) LOCK IN SHARE MODE`,
    { bucket, token, states: listOf(states) },
  );
}
