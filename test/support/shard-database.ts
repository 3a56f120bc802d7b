import { MysqlConnection, type MysqlResult } from "../../src/core/mysql/mysql-connection.ts";
import type { MysqlError } from "../../src/core/mysql/mysql-error.ts";
import { parseMysqlUrl } from "../../src/core/mysql/mysql-url.ts";
import type { BucketOwner, Keyspace } from "../../src/core/shard/keyspace.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import type { MariaDb } from "./mariadb.ts";

/** A session of a database of the test's own, as an application has it. */
export interface TestSession extends Disposable {
  send(statements: readonly string[]): Promise<readonly MysqlResult[]>;
  /** One statement; its rows. */
  run(sql: string): Promise<MysqlResult>;
  /** The server's number of the error that the statement ends with; 0 when it does not. */
  errnoOf(sql: string): Promise<number>;
  /** The same, with the text. */
  refusalOf(sql: string): Promise<string>;
}

let databases = 0;

/** An empty database on the server, as a URL. */
export async function newShardDatabase(server: MariaDb): Promise<string> {
  const name = `shard_${++databases}`;
  await server.run(`CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  return `mysql://dcs@127.0.0.1:${server.port}/${name}`;
}

export async function openTestSession(url: string): Promise<TestSession> {
  const connection = await MysqlConnection.open(parseMysqlUrl(url), systemClock, 20_000);
  const send = (statements: readonly string[]) => connection.send(statements, 20_000);
  const failureOf = async (sql: string): Promise<MysqlError | null> => {
    try {
      await send([sql]);
      return null;
    } catch (error) {
      return error as MysqlError;
    }
  };
  return {
    send,
    run: async (sql) => (await send([sql]))[0] ?? [],
    errnoOf: async (sql) => (await failureOf(sql))?.errno ?? 0,
    refusalOf: async (sql) => (await failureOf(sql))?.message ?? "",
    [Symbol.dispose]: () => connection.end(),
  };
}

export function keyspaceOf(tables: Keyspace["tables"], buckets = 16): Keyspace {
  return { name: "shop", buckets, hash: "crc32", tables };
}

/** All buckets at one shard. */
export function allAt(shard: string, buckets = 16): readonly BucketOwner[] {
  return Array.from({ length: buckets }, () => ({ shard, epoch: 1 }));
}
