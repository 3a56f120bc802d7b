/** The databases that journals are measured on, each with its own yardstick: what one durable commit takes there. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MysqlConnection } from "../src/core/mysql/mysql-connection.ts";
import { parseMysqlUrl } from "../src/core/mysql/mysql-url.ts";
import { migrateMysqlJournal } from "../src/core/saga/journal/mysql/migrate-journal.ts";
import { systemClock } from "../src/core/util/clock.ts";
import { startMariaDb } from "../test/support/mariadb.ts";
import { pin } from "./support.ts";

const TIMEOUT_MS = 30_000;

/** What a database says of itself. */
export interface Counts {
  /** Transactions that wrote something, all statements outside of one included. */
  readonly commits: number;
  /** COMMIT statements, those of reads too; null where the database does not count them. */
  readonly statements: number | null;
}

export interface BenchDatabase extends AsyncDisposable {
  readonly name: string;
  /** A journal without runs in it. */
  freshJournal(): Promise<string>;
  /** One durable commit: BEGIN, UPDATE of one row, COMMIT, on one connection, in one round trip. */
  commit(): Promise<void>;
  /** From now on; may be asked for a journal that `freshJournal` just gave, and is stopped by dispose. */
  counting(journal: string): Promise<Disposable & { read(): Promise<Counts> }>;
}

const SQL_TABLE = "CREATE TABLE yardstick (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)";

export async function openSqlite(): Promise<BenchDatabase> {
  const directory = mkdtempSync(join(tmpdir(), "dcs-bench-"));
  const db = new DatabaseSync(join(directory, "yardstick.db"));
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${SQL_TABLE}`);
  db.exec("INSERT INTO yardstick VALUES (1, 0)");
  const statements = ["BEGIN IMMEDIATE", "UPDATE yardstick SET n = n + 1 WHERE id = 1", "COMMIT"].map((sql) =>
    db.prepare(sql),
  );
  let journals = 0;
  return {
    name: "sqlite",
    freshJournal: async () => `embedded:${directory}/journal-${++journals}.db`,
    async commit() {
      for (const statement of statements) statement.run();
    },
    async counting(journal) {
      const path = journal.replace("embedded:", "");
      // Somebody who reads keeps the log from being begun anew, so that every commit stays in it.
      const reader = new DatabaseSync(path, { readOnly: true });
      reader.exec("BEGIN; SELECT count(*) FROM saga_run");
      return {
        read: async () => ({ commits: commitFrames(readFileSync(`${path}-wal`)), statements: null }),
        [Symbol.dispose]: () => reader.close(),
      };
    },
    async [Symbol.asyncDispose]() {
      db.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Transactions in a write-ahead log (https://sqlite.org/fileformat2.html#walformat): their last frames name a size. */
function commitFrames(wal: Buffer): number {
  const frame = 24 + wal.readUInt32BE(8);
  const salt = wal.subarray(16, 24);
  let commits = 0;
  for (let at = 32; at + frame <= wal.length; at += frame) {
    if (!wal.subarray(at + 8, at + 16).equals(salt)) break;
    if (wal.readUInt32BE(at + 4) !== 0) commits++;
  }
  return commits;
}

export async function openMariaDb(): Promise<BenchDatabase> {
  const server = await startMariaDb();
  pin(server.pid, 0);
  const urlOf = (database: string) => `mysql://dcs@127.0.0.1:${server.port}/${database}`;
  const connect = () => MysqlConnection.open(parseMysqlUrl(urlOf("dcs")), systemClock, TIMEOUT_MS);
  let yardstick = await connect();
  await yardstick.send([SQL_TABLE, "INSERT INTO yardstick VALUES (1, 0)"], TIMEOUT_MS);
  let journals = 0;
  return {
    name: "mariadb",
    async freshJournal() {
      const name = `bench${++journals}`;
      // The server ends a session that nothing was asked of during a longer figure.
      if (!yardstick.isUsable) {
        yardstick.destroy();
        yardstick = await connect();
      }
      await yardstick.send([`CREATE DATABASE ${name}`], TIMEOUT_MS);
      await migrateMysqlJournal(urlOf(name), { timeoutMs: TIMEOUT_MS, clock: systemClock });
      return urlOf(name);
    },
    async commit() {
      await yardstick.send(
        ["START TRANSACTION", "UPDATE yardstick SET n = n + 1 WHERE id = 1", "COMMIT"],
        TIMEOUT_MS,
      );
    },
    async counting() {
      return {
        async read() {
          const [rows = []] = await yardstick.send(["SHOW GLOBAL STATUS"], TIMEOUT_MS);
          const value = (name: string) =>
            Number(rows.find((row) => row["Variable_name"] === name)?.["Value"]);
          // The server runs with its binary log on, where each transaction that wrote anything is one.
          return { commits: value("Binlog_commits"), statements: value("Com_commit") };
        },
        [Symbol.dispose]: () => {},
      };
    },
    async [Symbol.asyncDispose]() {
      yardstick.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}
