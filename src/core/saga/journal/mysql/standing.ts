import type { MysqlRow } from "../../../mysql/mysql-connection.ts";
import type { CommitResult, Standing } from "../journal.ts";

/** What `run-standing` says of transactions that were sent, in the order that was asked. */
export function written(rows: readonly MysqlRow[]): CommitResult {
  // Ours, unmoved, and not written all the same: it needs a generation that another run owns.
  return inOrder(rows, (row) => (row["written"] === 1 ? "held" : row["same"] === 1 ? "lost" : standing(row)));
}

/** What `run-standing` says of runs, in the order that was asked. */
export function standings(rows: readonly MysqlRow[]): CommitResult {
  return inOrder(rows, standing);
}

function standing({ held, same }: MysqlRow): Standing {
  if (held !== 1) return "lost";
  return same === 1 ? "held" : "moved";
}

function inOrder(rows: readonly MysqlRow[], say: (row: MysqlRow) => Standing): CommitResult {
  const sorted = [...rows].sort((a, b) => Number(a["i"]) - Number(b["i"]));
  return { results: sorted.map(say), now: Number(rows[0]?.["now"]) };
}
