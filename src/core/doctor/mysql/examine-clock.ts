import type { PooledConnection } from "../../mysql/mysql-pool.ts";
import { systemClock } from "../../util/clock.ts";
import { type Finding, ok } from "../check.ts";
import { clockDifference } from "../measures.ts";

/** The database's time against ours. Only to be known: no time of ours counts for a journal. */
export async function examineClock(connection: PooledConnection): Promise<Finding> {
  const sent = systemClock.now();
  const [[row] = []] = await connection.send(["SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS now"]);
  const { detail, data } = clockDifference(Number(row?.["now"]), sent, systemClock.now(), 1);
  return ok("clock", `${detail}; only the server's counts`, data);
}
