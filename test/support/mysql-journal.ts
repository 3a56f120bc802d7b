import { migrateMysqlJournal } from "../../src/core/saga/journal/mysql/migrate-journal.ts";
import { openMysqlJournal } from "../../src/core/saga/journal/mysql/mysql-journal.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import type { JournalHarness } from "../contract/journal/journal-harness.ts";
import type { MariaDb } from "./mariadb.ts";

export const MYSQL_OPTIONS = { timeoutMs: 10_000, clock: systemClock } as const;

let databases = 0;

/** A database of its own on a server, with or without the tables of the journal; its URL. */
export async function newDatabase(server: MariaDb, { migrated = true } = {}): Promise<string> {
  const name = `journal_${++databases}`;
  await server.run(`CREATE DATABASE ${name}`);
  const url = `mysql://dcs@127.0.0.1:${server.port}/${name}`;
  if (migrated) await migrateMysqlJournal(url, MYSQL_OPTIONS);
  return url;
}

export async function mysqlHarness(server: MariaDb): Promise<JournalHarness> {
  const url = await newDatabase(server);
  return {
    open: () => openMysqlJournal(url, MYSQL_OPTIONS),
    async destroy() {
      await server.run(`DROP DATABASE ${new URL(url).pathname.slice(1)}`);
    },
  };
}
