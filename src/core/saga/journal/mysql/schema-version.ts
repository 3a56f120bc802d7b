import { DcsError } from "../../../errors.ts";
import { isMysqlError } from "../../../mysql/mysql-error.ts";
import type { MysqlPool, PooledConnection } from "../../../mysql/mysql-pool.ts";
import { SQL } from "./statements.generated.ts";

/** The layout of the tables that this dcs reads and writes. */
export const VERSION = 1;

/** The layout of the tables that are there; 0 when there are none, or when making them was interrupted. */
export async function readVersion(connection: Pick<PooledConnection, "send">): Promise<number> {
  try {
    const [[row] = []] = await connection.send([SQL.version]);
    return Number(row?.["version"] ?? 0);
  } catch (error) {
    if (isMysqlError(error, "no-table")) return 0;
    throw error;
  }
}

/** JOURNAL_NOT_MIGRATED or JOURNAL_NEWER unless the tables are those of this dcs. */
export async function checkVersion(pool: MysqlPool): Promise<void> {
  const version = await readVersion(pool);
  const { shown } = pool.target;
  const details = { url: shown, version, wanted: VERSION };
  if (version > VERSION) throw newer(shown, version);
  if (version === VERSION) return;
  const what =
    version === 0 ? "has no tables of the journal" : `has a journal of an older dcs (layout ${version})`;
  throw new DcsError("JOURNAL_NOT_MIGRATED", `the database at ${shown} ${what}`, { details });
}

export function newer(shown: string, version: number): DcsError {
  return new DcsError(
    "JOURNAL_NEWER",
    `the journal at ${shown} was made by a newer dcs: its layout is ${version}, and this one knows ${VERSION}`,
    { details: { url: shown, version, wanted: VERSION } },
  );
}
