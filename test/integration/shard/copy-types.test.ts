import { afterAll, beforeAll, expect, test } from "vitest";
import { bucketOf } from "../../../src/core/shard/keyspace.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { shardPair } from "../../support/shard-pair.ts";

let server: MariaDb;
beforeAll(async () => {
  server = await startMariaDb();
});
afterAll(() => server[Symbol.asyncDispose]());

const BUCKETS = 2;
/** Tenants of the bucket that moves. */
const [T, U] = [1, 2, 3, 4, 5, 6, 7, 8].filter((each) => bucketOf(each, BUCKETS) === 1);

const ZOO = `CREATE TABLE zoo (
  tenant INT NOT NULL, id INT NOT NULL AUTO_INCREMENT,
  ti TINYINT, si SMALLINT UNSIGNED, mi MEDIUMINT, zf INT(8) ZEROFILL, bi BIGINT, bu BIGINT UNSIGNED,
  de DECIMAL(65,30), dd DECIMAL(10,0) UNSIGNED, fl FLOAT, f2 FLOAT(7,2), do DOUBLE, d2 DOUBLE(12,3), b1 BIT(1), b64 BIT(64), yes BOOLEAN,
  en ENUM('', 'a', 'b''c', 'ü') CHARACTER SET utf8mb4, se SET('x', 'y''z' , 'w') CHARACTER SET utf8mb4 DEFAULT NULL,
  da DATE, dt DATETIME, d6 DATETIME(6), ts TIMESTAMP NULL, t6 TIMESTAMP(6) NULL, tm TIME, t3 TIME(3), ye YEAR,
  bf BINARY(4), vb VARBINARY(300), bl BLOB, lb LONGBLOB, ch CHAR(8), vc VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci,
  vl VARCHAR(100) CHARACTER SET latin1, v3 VARCHAR(50) CHARACTER SET utf8mb3, u16 VARCHAR(50) CHARACTER SET utf16, sj VARCHAR(50) CHARACTER SET sjis,
  va VARCHAR(50) CHARACTER SET ascii, tx TEXT, lt LONGTEXT CHARACTER SET latin1, js JSON, ge GEOMETRY, po POINT, i4 INET4, i6 INET6, uu UUID,
  \`od\`\`d, näme\` VARCHAR(20), hid INT INVISIBLE DEFAULT 5,
  gv VARCHAR(100) GENERATED ALWAYS AS (CONCAT(tenant, '-', IFNULL(vc, ''))) VIRTUAL, gs INT GENERATED ALWAYS AS (ti + 1) STORED,
  PRIMARY KEY (tenant, id), KEY (id)) ENGINE = InnoDB`;

/** Two moments that are 02:30 of the same day in Berlin, among others. */
const ROWS = `
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00';
INSERT INTO zoo (tenant, id) VALUES (${T}, 0), (${T}, -5);
INSERT INTO zoo (tenant, id, ti, si, mi, zf, bi, bu, de, dd, fl, f2, do, d2, b1, b64, yes, en, se, da, dt, d6, ts, t6, tm, t3, ye, bf, vb, bl, lb, ch, vc, vl, v3, u16, sj, va, tx, lt, js, ge, po, i4, i6, uu, \`od\`\`d, näme\`, hid) VALUES
(${T}, 1, -128, 65535, -8388608, 42, -9223372036854775808, 18446744073709551615, 99999999999999999999999999999999999.999999999999999999999999999999, 4294967295, 3.4028235e38, 12345.67, 1.7976931348623157e308, 123456789.125, b'1', x'FFFFFFFFFFFFFFFF', TRUE, '', '', '0000-00-00', '0000-00-00 00:00:00', '9999-12-31 23:59:59.999999', '2024-10-27 00:30:00', '2024-03-31 01:00:00.000001', '-838:59:59', '-00:00:00.001', 0, x'00000000', x'00', x'00275C1A0A0D22', REPEAT(x'00FF275C', 5000), 'pad', 'O''Hara \\\\ \\" \\n \\r \\t \\Z 😀 ﷽', 'é€ß', '日本', '日本😀', '日本', 'a''b', 'NULL', x'E9DF80', '{"a": "q\\\\u0000\\\\"😀", "n": 1.50}', ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))', 4326), POINT(1.1, -2.2), '1.2.3.4', '2001:db8::ff', '123e4567-e89b-12d3-a456-426655440000', 'x', 9),
(${U}, 2, 127, 0, 0, 0, 9223372036854775807, 0, -0.000000000000000000000000000001, 0, 1.17549435e-38, -0.01, 2.2250738585072014e-308, -0.001, b'0', x'0000000000000001', FALSE, 'b''c', 'x,y''z', '2024-02-29', '2024-02-30 10:00:00', '0000-00-00', '2024-10-27 01:30:00', '1970-01-02 00:00:00.5', '838:59:59', '00:00:00.999', 2155, x'61', '', '', '', '', '', '', '', '', '', '', '', '', '[]', ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))'), ST_GeomFromText('POINT(0 0)'), '0.0.0.0', '::', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '''', NULL),
(${U}, 3, 0, 1, 1, 1, 0, 9007199254740993, 0.1, 1, 0.1, 0.1, 0.1, 0.1, NULL, x'8000000000000000', NULL, 'ü', 'w', '1000-01-01', '2001-01-01', '2001-01-01 00:00:00.1', NULL, NULL, '00:00:00', '12:34:56.789', 1901, x'20202020', '  trailing  ', 'a,b),(', x'EDA080', ' lead', 'trail   ', 'x', ' ', ' ', ' ', '\\\\', '\\\\''', '''''', '"s"', NULL, NULL, NULL, NULL, NULL, ',', 0);
UPDATE zoo SET vc = _binary x'61EDA08062' WHERE id = 3;
UPDATE zoo SET fl = 16777217, do = 0.1 + 0.2, d2 = NULL WHERE id = 3;
INSERT INTO zoo (tenant, id, fl, do) VALUES (${T}, 4, -0e0, '-0'), (${T}, 5, 8388609.3, 5e-324), (${T}, 6, 1e-45, 1e22), (${T}, 7, 3.14159274, 123456789012345678)`;

/** Every column as the bytes that are stored. */
function asHex(columns: readonly string[]): string {
  const parts = columns.map(
    (name) => `IFNULL(HEX(CAST(\`${name.replaceAll("`", "``")}\` AS BINARY)), 'NULL')`,
  );
  return `CONCAT_WS(' ', ${parts.join(", ")})`;
}

test("every type arrives as it was, byte by byte", async () => {
  const tables = [{ name: "zoo", key: "tenant", primaryKey: ["tenant", "id"] }];
  const pair = await shardPair(server, { buckets: BUCKETS, tables, ddl: ZOO });
  await pair.at(pair.src, ROWS);
  const columns = pair.tables.tables[0]?.columns.map(({ name }) => name) ?? [];
  const picture = `SELECT ${asHex(columns)}, HEX(fl * 1e0), HEX(do), (do * 1e0) = do, fl * 1e0, do * 1e0, f2 * 1e0, hid FROM zoo ORDER BY tenant, id`;
  const before = await pair.at(pair.src, picture);
  expect(before.split("\n")).toHaveLength(9);
  await pair.arm(1);
  expect((await pair.copy(1, { chunkBytes: 2000 })).rows).toBe(9);
  expect(await pair.at(pair.dst, picture)).toBe(before);
  // The same through the log.
  await pair.at(pair.src, "UPDATE zoo SET ti = IFNULL(ti, 0) DIV 2; UPDATE zoo SET zf = 7 WHERE id = 1");
  const after = await pair.at(pair.src, picture);
  expect(await pair.drain(1)).toBeGreaterThan(0);
  expect(await pair.at(pair.dst, picture)).toBe(after);
  expect(await pair.verify(1)).toMatchObject({ rows: 9, differences: [], unsettled: [] });
});
