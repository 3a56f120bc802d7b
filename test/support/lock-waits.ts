import type { MariaDb } from "./mariadb.ts";
import { until } from "./until.ts";

/** InnoDB tells the same of its transactions again to whoever asks within 0.1 s of the last question: asked oftener, for ever. */
const ASK_MS = 150;

/** Resolves once so many transactions wait for a lock, of one database where it is named. Fails after 10 s. */
export async function untilLockWaits(server: MariaDb, count: number, database?: string): Promise<void> {
  const where = database === undefined ? "" : ` AND p.db = '${database}'`;
  const sql = `SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p
    ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT'${where}`;
  await until(async () => Number(await server.asRoot(sql)) === count, 10_000, ASK_MS);
}
