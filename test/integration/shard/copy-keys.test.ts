import { afterAll, beforeAll, expect, test } from "vitest";
import { splitLiterals } from "../../../src/core/shard/data/split-literals.ts";
import { TableSql } from "../../../src/core/shard/data/table-sql.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { type ShardPair, shardPair } from "../../support/shard-pair.ts";

/** Primary keys of each type, and how the n-th is made. Their order as texts or numbers is not the server's. */
const KEYS: Readonly<Record<string, readonly [type: string, value: string]>> = {
  k_int: ["INT", "150 - CAST(n AS SIGNED)"],
  k_unsigned: ["BIGINT UNSIGNED", "18446744073709551615 - n * 3"],
  k_decimal: ["DECIMAL(40,20)", "(n - 150.0) * 1.00000000000000000001"],
  k_double: ["DOUBLE", "EXP(n) * IF(n % 2, 1, -1)"],
  k_float: ["FLOAT", "n / 7"],
  k_ci: [
    "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "CONCAT(ELT(1 + n % 6, 'a', 'B', 'é', 'Z', '_', ''''), n, ELT(1 + n % 3, '\\\\', ' x', '%'))",
  ],
  k_unicode: [
    "CHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    "CONCAT(CHAR(97 + n % 26), CONV(n, 10, 36))",
  ],
  k_latin: [
    "VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
    "CONCAT(CHAR(161 + n % 90 USING latin1), n)",
  ],
  k_bin: [
    "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "CONCAT(IF(n % 2, '😀', 'ß'), n, '\\\\''')",
  ],
  k_bytes: ["VARBINARY(20)", "CONCAT(UNHEX(LPAD(HEX(n % 256), 2, '0')), UNHEX('00FF27'), n)"],
  k_binary: ["BINARY(16)", "UNHEX(CONCAT(MD5(n)))"],
  k_datetime: ["DATETIME(6)", "'2024-01-01' + INTERVAL n * 1234567 MICROSECOND"],
  k_stamp: ["TIMESTAMP", "FROM_UNIXTIME(1729990000 + n * 100)"],
  k_date: ["DATE", "'0000-01-01' + INTERVAL n MONTH"],
  k_time: ["TIME(3)", "SEC_TO_TIME((n - 150.0) * 1000.125)"],
  k_set: ["SET('a','b','c','d','e','f','g','h','i')", "n"],
  k_bit: ["BIT(40)", "n * 1000000007"],
  k_uuid: ["UUID", "CONCAT(LEFT(MD5(n), 8), '-0000-1000-8000-', RIGHT(MD5(n), 12))"],
  k_inet: ["INET6", "CONCAT('2001:db8::', HEX(n * 7919 % 65521))"],
};
const ROWS = 300;
const BUCKETS = 2;

let server: MariaDb;
let pair: ShardPair;
beforeAll(async () => {
  server = await startMariaDb();
  const ddl = Object.entries(KEYS).map(
    ([name, [type]]) => `CREATE TABLE ${name} (k ${type} NOT NULL PRIMARY KEY, t INT NOT NULL, v INT)`,
  );
  ddl.push(
    "CREATE TABLE k_three (t INT NOT NULL, a VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL, b VARBINARY(9) NOT NULL, v INT, PRIMARY KEY (a, t, b))",
  );
  const tables = Object.keys(KEYS).map((name) => ({ name, key: "t", primaryKey: ["k"] }));
  tables.push({ name: "k_three", key: "t", primaryKey: ["a", "t", "b"] });
  pair = await shardPair(server, { buckets: BUCKETS, tables, ddl: ddl.join(";") });
  const fills = Object.entries(KEYS).map(
    ([name, [, value]]) =>
      `INSERT INTO ${name} (k, t, v) SELECT ${value.replaceAll(/\bn\b/g, "seq")}, seq, seq FROM seq_1_to_${ROWS}`,
  );
  fills.push(
    `INSERT INTO k_three SELECT seq, CHAR(97 + seq % 7), UNHEX(LPAD(HEX(seq % 251), 2, '0')), seq FROM seq_1_to_${ROWS}`,
  );
  await pair.at(pair.src, `SET sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES'; ${fills.join(";")}`);
});
afterAll(() => server[Symbol.asyncDispose]());

const picture = (database: string, table: string, where: string) =>
  pair.at(
    database,
    `SELECT COUNT(*), BIT_XOR(CRC32(CONCAT_WS('-', t, v))), SUM(v) FROM ${table} WHERE dcs_bucket = ${where}`,
  );

test("every type of key is gone through in the server's order, once, and applied by key", async () => {
  await pair.arm(1);
  const seen: string[] = [];
  const done = await pair.copy(1, { chunkBytes: 500, onProgress: ({ table }) => seen.push(table) });
  expect(done.rows).toBeGreaterThan((ROWS * (Object.keys(KEYS).length + 1)) / 3);
  for (const { name } of pair.tables.tables) {
    expect(seen.filter((each) => each === name).length, name).toBeGreaterThan(2);
    expect(await picture(pair.dst, name, "1"), name).toBe(await picture(pair.src, name, "1"));
    expect(await picture(pair.dst, name, "0"), name).toMatch(/^0\t/);
  }
  await pair.at(
    pair.src,
    pair.tables.tables
      .map(
        ({ name }) =>
          `UPDATE ${name} SET v = v + 1000 WHERE v % 3 = 0; DELETE FROM ${name} WHERE v % 50 = 7; INSERT IGNORE INTO ${name} SELECT * FROM ${name} LIMIT 5`,
      )
      .join(";"),
  );
  expect(await pair.drain(1)).toBeGreaterThan(100);
  for (const { name } of pair.tables.tables) {
    expect(await picture(pair.dst, name, "1"), name).toBe(await picture(pair.src, name, "1"));
  }
  const verified = await pair.verify(1);
  expect(verified.differences).toEqual([]);
  expect(verified.unsettled).toEqual([]);
});

test("every question uses an index for the whole of its key", async () => {
  using session = await pair.openSrc();
  await session.send(["ANALYZE TABLE k_int, k_three"]);
  for (const info of pair.tables.tables) {
    // A SET in a primary key is read by no server that way; it is copied right all the same.
    if (info.name === "k_set") continue;
    const table = new TableSql(info, 1);
    const [[middle] = []] = await session.sendBytes([table.bound(null, 60)]);
    const [[further] = []] = await session.sendBytes([table.bound(null, 90)]);
    const [from, to] = [String(middle?.["pk"]), String(further?.["pk"])];
    expect(splitLiterals(from), info.name).toHaveLength(info.name === "k_three" ? 3 : 1);
    const rowsOf = async (statement: string) => {
      const before = await handlers();
      await session.sendBytes([statement]);
      return (await handlers()) - before;
    };
    const handlers = async () => {
      const [rows = []] = await session.send(["SHOW SESSION STATUS LIKE 'Handler_read%'"]);
      // Asking for the status reads a table of its own, by `rnd`.
      return rows
        .filter((row) => /_(next|prev|key|first|last)$/.test(String(row["Variable_name"])))
        .reduce((sum, row) => sum + Number(row["Value"]), 0);
    };
    // 30 rows of 150 and more; each range is entered by a key of its own, and left behind its last row.
    const most = 30 + 12;
    expect(await rowsOf(table.bound(from, 30)), `bound of ${info.name}`).toBeLessThanOrEqual(most);
    expect(await rowsOf(table.readRange(from, to)), `range of ${info.name}`).toBeLessThanOrEqual(most);
    expect(await rowsOf(table.digestRange(from, to)), `digest of ${info.name}`).toBeLessThanOrEqual(most);
    expect(await rowsOf(table.readKeys([from, to])), `keys of ${info.name}`).toBeLessThanOrEqual(4);
    expect(await rowsOf(table.digestKeys([from, to])), `keys of ${info.name}`).toBeLessThanOrEqual(4);
    // The keys in the bucket's index, then each row by its key: whoever goes through all waits for what others have locked.
    const [plan = []] = await session.sendBytes([`EXPLAIN ${table.deleteKeys([from, to])}`]);
    const types = plan.filter((row) => !String(row["table"]).startsWith("<")).map((row) => row["type"]);
    expect(types, `deletion of ${info.name}`).toEqual(["eq_ref", "range"]);
  }
});
