import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bucketOf } from "../../../src/core/shard/keyspace.ts";
import { installSchema } from "../../../src/core/shard/schema/install-schema.ts";
import { readTables } from "../../../src/core/shard/schema/table-info.ts";
import { createTrigger, triggersOf } from "../../../src/core/shard/schema/triggers.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import {
  allAt,
  keyspaceOf,
  newShardDatabase,
  openTestSession,
  type TestSession,
} from "../../support/shard-database.ts";

const BUCKETS = 16;
const MOVED = 31001;
const OTHER_BUCKET = 31002;
const PRIMARY_NULL = 31003;

const ORDERS = { name: "orders", key: "tenant", primaryKey: ["tenant", "id"] };
const VISITS = { name: "visits", key: "tenant", primaryKey: ["tenant", "id"] };
const OTHERS = { name: "others", key: "tenant", primaryKey: ["tenant", "id"] };
const KEYSPACE = keyspaceOf([ORDERS, VISITS, OTHERS], BUCKETS);

let server: MariaDb;
let url: string;
let app: TestSession;

beforeAll(async () => {
  server = await startMariaDb();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  url = await newShardDatabase(server);
  app = await openTestSession(url);
  await app.send([
    "CREATE TABLE orders (tenant VARCHAR(20) NOT NULL, id INT NOT NULL, note VARCHAR(20), code INT, PRIMARY KEY (tenant, id), UNIQUE KEY code (code))",
    "CREATE TABLE visits (tenant VARCHAR(20) NOT NULL, id BIGINT NOT NULL AUTO_INCREMENT, PRIMARY KEY (tenant, id), KEY (id))",
    "CREATE TABLE others LIKE visits",
  ]);
  await installSchema(app, {
    keyspace: KEYSPACE,
    shard: "a",
    owners: allAt("a", BUCKETS),
    dialect: "mariadb",
  });
});

afterEach(() => app[Symbol.dispose]());

/** A tenant of a bucket, the nth. */
function tenantIn(bucket: number, nth = 0): string {
  for (let i = 0, found = 0; ; i++) {
    const tenant = `t${i}`;
    if (bucketOf(tenant, BUCKETS) === bucket && found++ === nth) return tenant;
  }
}

async function setState(session: TestSession, bucket: number, state: string): Promise<void> {
  await session.run(
    `UPDATE dcs_bucket SET state = '${state}', owner = 'b', epoch = 7, token = token + 1 WHERE bucket = ${bucket}`,
  );
}

/** What the triggers wrote down: `bucket tbl pk`. */
async function logOf(session: TestSession): Promise<readonly string[]> {
  const rows = await session.run("SELECT bucket, tbl, pk FROM dcs_log ORDER BY id");
  return rows.map(({ bucket, tbl, pk }) => `${bucket} ${tbl} ${pk}`);
}

const [HERE, GONE] = [3, 5];
const [ann, bob, dan] = [tenantIn(HERE), tenantIn(GONE), tenantIn(HERE, 1)];

describe("the bucket of a row", () => {
  it("is the same in SQL as in the library, for every type of key and in every mode of a session", async () => {
    const types: readonly [
      type: string,
      values: readonly (readonly [sql: string, key: string | Uint8Array])[],
    ][] = [
      [
        "INT",
        [
          ["42", "42"],
          ["-7", "-7"],
        ],
      ],
      ["BIGINT UNSIGNED", [["18446744073709551615", "18446744073709551615"]]],
      ["INT(8) ZEROFILL", [["42", "42"]]],
      [
        "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        [
          ["'Zoë 🙂'", "Zoë 🙂"],
          ["'a '", "a "],
        ],
      ],
      ["VARCHAR(20) CHARACTER SET latin1", [["'Zoë'", "Zoë"]]],
      ["CHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", [["'Zoë'", "Zoë"]]],
      ["CHAR(20) CHARACTER SET latin1", [["'Zoë'", "Zoë"]]],
      ["VARBINARY(20)", [["x'00ff80'", Buffer.from("00ff80", "hex")]]],
      ["BINARY(3)", [["x'01'", Buffer.from("010000", "hex")]]],
    ];
    const tables = types.map((_, i) => ({ name: `k${i}`, key: "k", primaryKey: ["k"] }));
    using other = await openTestSession(await newShardDatabase(server));
    await other.send(types.map(([type], i) => `CREATE TABLE k${i} (k ${type} NOT NULL PRIMARY KEY)`));
    const spec = { shard: "a", owners: allAt("a", BUCKETS), dialect: "mariadb" } as const;
    await installSchema(other, { ...spec, keyspace: keyspaceOf(tables, BUCKETS) });
    await other.run("UPDATE dcs_bucket SET state = 'moving'");
    for (const mode of ["", "PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,ANSI_QUOTES"]) {
      await other.run(`SET sql_mode = '${mode}'`);
      for (const [i, [, values]] of types.entries()) {
        for (const [sql, key] of values) {
          await other.run(`INSERT INTO k${i} VALUES (${sql})`);
          const [row] = await other.run(`SELECT dcs_bucket AS bucket FROM k${i}`);
          const [noted] = await other.run("SELECT bucket FROM dcs_log ORDER BY id DESC LIMIT 1");
          const bucket = bucketOf(key, BUCKETS);
          expect([i, row?.["bucket"], noted?.["bucket"]]).toEqual([i, bucket, bucket]);
          await other.run(`DELETE FROM k${i}`);
        }
      }
    }
  });
});

describe("the guard", () => {
  it("lets writes to owned buckets pass, and refuses the others with who has them", async () => {
    await setState(app, GONE, "gone");
    expect(await app.errnoOf(`INSERT INTO orders VALUES ('${ann}', 1, 'x', 1)`)).toBe(0);
    expect(await app.refusalOf(`INSERT INTO orders VALUES ('${bob}', 1, 'x', 2)`)).toBe(
      `DCS_MOVED bucket=${GONE} epoch=7 owner=b`,
    );
    for (const state of ["sealed", "incoming"]) {
      await setState(app, HERE, state);
      expect(await app.errnoOf(`UPDATE orders SET note = 'y' WHERE tenant = '${ann}'`)).toBe(MOVED);
      expect(await app.errnoOf(`DELETE FROM orders WHERE tenant = '${ann}'`)).toBe(MOVED);
    }
    // Without a row nobody knows: refused too.
    await app.run("DELETE FROM dcs_bucket");
    expect(await app.refusalOf(`DELETE FROM orders WHERE tenant = '${ann}'`)).toBe(
      `DCS_MOVED bucket=${HERE} epoch=0 owner=`,
    );
    expect(await logOf(app)).toEqual([]);
  });

  it("is not swallowed by IGNORE, ON DUPLICATE KEY UPDATE, REPLACE or a loose mode", async () => {
    await app.run(`INSERT INTO orders VALUES ('${ann}', 1, 'x', 1)`);
    await setState(app, HERE, "sealed");
    const row = `('${ann}', 1, 'y', 1)`;
    for (const mode of ["STRICT_ALL_TABLES", ""]) {
      await app.run(`SET sql_mode = '${mode}'`);
      for (const statement of [
        `INSERT IGNORE INTO orders VALUES ${row}`,
        `INSERT INTO orders VALUES ${row} ON DUPLICATE KEY UPDATE note = 'y'`,
        `INSERT IGNORE INTO orders VALUES ${row} ON DUPLICATE KEY UPDATE note = 'y'`,
        `REPLACE INTO orders VALUES ${row}`,
        `UPDATE IGNORE orders SET note = 'y'`,
        `DELETE IGNORE FROM orders`,
        `INSERT INTO orders SELECT tenant, 2, note, 2 FROM orders`,
        `INSERT INTO orders VALUES ${row}, ('${tenantIn(1)}', 1, 'y', 3)`,
      ]) {
        expect([statement, await app.errnoOf(statement)]).toEqual([statement, MOVED]);
      }
    }
    expect(await app.run("SELECT note FROM orders")).toEqual([{ note: "x" }]);
    // A NULL that a loose mode would turn into '' has no bucket that anybody looked at.
    expect(await app.errnoOf(`INSERT IGNORE INTO orders VALUES (NULL, 9, 'y', 9)`)).toBe(1048);
  });

  it("holds against a snapshot from before the bucket was sealed; a plain read would not", async () => {
    using stale = await openTestSession(url);
    // The same triggers on another table, but for the lock.
    await app.run("CREATE TABLE plain LIKE orders");
    const plain = { ...ORDERS, name: "plain" };
    const info = (await readTables(app, ["plain"])).get("plain");
    if (info === undefined) throw new Error("there is no table");
    for (const trigger of triggersOf(plain, info, KEYSPACE)) {
      const body = trigger.body.replaceAll(" LOCK IN SHARE MODE", "");
      expect(body).not.toBe(trigger.body);
      await app.run(createTrigger({ ...trigger, body }));
    }
    await stale.send([
      "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
      "START TRANSACTION WITH CONSISTENT SNAPSHOT",
      "SELECT * FROM dcs_bucket",
    ]);
    await setState(app, HERE, "sealed");
    expect(await stale.errnoOf(`INSERT INTO plain VALUES ('${ann}', 1, 'x', 1)`)).toBe(0);
    expect(await stale.errnoOf(`INSERT INTO orders VALUES ('${ann}', 1, 'x', 1)`)).toBe(MOVED);
  });

  it("keeps the bucket's row from being changed until the writer's transaction ends", async () => {
    using other = await openTestSession(url);
    await app.send(["START TRANSACTION", `INSERT INTO orders VALUES ('${ann}', 1, 'x', 1)`]);
    await other.run("SET innodb_lock_wait_timeout = 1");
    const seal = `UPDATE dcs_bucket SET state = 'sealed' WHERE bucket = ${HERE}`;
    expect(await other.errnoOf(seal)).toBe(1205);
    expect(await other.errnoOf(`UPDATE dcs_bucket SET state = 'sealed' WHERE bucket = ${GONE}`)).toBe(0);
    await app.run("COMMIT");
    expect(await other.errnoOf(seal)).toBe(0);
  });

  it("asks both buckets of a row that changes its bucket", async () => {
    await app.run(`INSERT INTO orders VALUES ('${ann}', 1, 'x', 1)`);
    await setState(app, GONE, "gone");
    const away = `UPDATE orders SET tenant = '${bob}'`;
    expect(await app.refusalOf(away)).toContain(`bucket=${GONE}`);
    await setState(app, GONE, "owned");
    await setState(app, HERE, "gone");
    expect(await app.refusalOf(away)).toContain(`bucket=${HERE}`);
    await setState(app, HERE, "owned");
    expect(await app.errnoOf(away)).toBe(0);
  });
});

describe("the log of a moving bucket", () => {
  it("has the old and the new primary key of each row that was written, in the same transaction", async () => {
    await setState(app, HERE, "moving");
    const say = (tenant: string, id: number) => `'${tenant}',${id}`;
    const steps: readonly [sql: string, log: readonly string[]][] = [
      [`INSERT INTO orders VALUES ('${ann}', 1, 'x', 1), ('${bob}', 1, 'x', 2)`, [say(ann, 1)]],
      [`UPDATE orders SET note = 'y'`, [say(ann, 1)]],
      [`UPDATE orders SET id = 2 WHERE code = 1`, [say(ann, 1), say(ann, 2)]],
      [`UPDATE orders SET tenant = '${dan}' WHERE code = 1`, [say(ann, 2), say(dan, 2)]],
      // To a bucket that stays, and back.
      [`UPDATE orders SET tenant = '${bob}' WHERE code = 1`, [say(dan, 2)]],
      [`UPDATE orders SET tenant = '${ann}' WHERE code = 1`, [say(ann, 2)]],
      // Replaced by another row with the same value of a unique key.
      [`REPLACE INTO orders VALUES ('${dan}', 9, 'z', 1)`, [say(dan, 9), say(ann, 2)]],
      [
        `INSERT INTO orders VALUES ('${dan}', 9, 'z', 1) ON DUPLICATE KEY UPDATE id = 10`,
        [say(dan, 9), say(dan, 9), say(dan, 10)],
      ],
      [`DELETE FROM orders WHERE code = 1`, [say(dan, 10)]],
    ];
    for (const [sql, expected] of steps) {
      await app.run("DELETE FROM dcs_log");
      await app.run(sql);
      const log = await logOf(app);
      expect([sql, log.toSorted()]).toEqual([sql, expected.map((pk) => `${HERE} orders ${pk}`).toSorted()]);
    }
    await app.run("DELETE FROM dcs_log");
    await app.send(["START TRANSACTION", `INSERT INTO orders VALUES ('${ann}', 5, 'x', 5)`, "ROLLBACK"]);
    expect(await logOf(app)).toEqual([]);
  });

  it("has the numbers that the server gives, and leaves LAST_INSERT_ID to the application", async () => {
    await setState(app, HERE, "moving");
    await app.send(["INSERT INTO dcs_log (bucket, tbl, pk) VALUES (1, 'x', 'x')", "DELETE FROM dcs_log"]);
    await app.run("ALTER TABLE dcs_log AUTO_INCREMENT = 1000");
    await app.run(`INSERT INTO visits (tenant) VALUES ('${ann}'), ('${bob}'), ('${dan}')`);
    const [last] = await app.run("SELECT LAST_INSERT_ID() AS id");
    expect(last?.["id"]).toBe(1);
    expect(await logOf(app)).toEqual([`${HERE} visits '${ann}',1`, `${HERE} visits '${dan}',3`]);
    // A session that found the bucket at rest must look again, and so must one whose own triggers write to another in between.
    await app.send(["DELETE FROM visits", "DELETE FROM dcs_log"]);
    await setState(app, HERE, "owned");
    await app.run(`INSERT INTO visits (id, tenant) VALUES (10, '${ann}')`);
    await setState(app, HERE, "moving");
    await app.run(`INSERT INTO visits (id, tenant) VALUES (11, '${ann}'), (12, '${bob}'), (13, '${ann}')`);
    await app.run(
      `CREATE TRIGGER mine BEFORE INSERT ON visits FOR EACH ROW IF NEW.id = 14 THEN INSERT INTO others (id, tenant) VALUES (1, '${bob}'); END IF`,
    );
    await app.run(`INSERT INTO visits (id, tenant) VALUES (14, '${ann}')`);
    expect(await logOf(app)).toEqual([11, 13, 14].map((id) => `${HERE} visits '${ann}',${id}`));
    await app.send([
      "DROP TRIGGER mine",
      "DELETE FROM visits",
      "DELETE FROM dcs_log",
      "ALTER TABLE visits AUTO_INCREMENT = 4",
    ]);
    // A snapshot from before the move began must not leave its numbered rows out.
    using stale = await openTestSession(url);
    await setState(app, GONE, "owned");
    await stale.send([
      "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
      "START TRANSACTION WITH CONSISTENT SNAPSHOT",
      "SELECT * FROM dcs_bucket",
    ]);
    await setState(app, GONE, "moving");
    await stale.send([`INSERT INTO visits (tenant) VALUES ('${bob}')`, "COMMIT"]);
    expect(await logOf(app)).toContain(`${GONE} visits '${bob}',4`);
  });

  it("names no row that there is not: NULL in a primary key, of which the server makes a 0 later, is refused", async () => {
    await app.send([
      `INSERT INTO orders VALUES ('${ann}', 1, 'x', 1)`,
      `INSERT INTO visits VALUES ('${ann}', 1)`,
    ]);
    for (const state of ["owned", "moving"]) {
      await setState(app, HERE, state);
      for (const mode of ["", "STRICT_ALL_TABLES"]) {
        await app.run(`SET sql_mode = '${mode}'`);
        for (const sql of [
          `INSERT IGNORE INTO orders VALUES ('${ann}', NULL, 'x', 2)`,
          `INSERT IGNORE INTO orders SELECT tenant, NULL, note, 3 FROM orders`,
          `UPDATE IGNORE orders SET id = NULL`,
          `UPDATE IGNORE visits SET id = NULL`,
        ]) {
          expect([state, mode, sql, await app.errnoOf(sql)]).toEqual([state, mode, sql, PRIMARY_NULL]);
        }
      }
    }
    await app.run(`INSERT INTO visits VALUES ('${ann}', NULL)`);
    expect(await app.run("SELECT id FROM visits ORDER BY id")).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it("is written the same by whatever session fires the trigger", async () => {
    const odd = [0, 1, 2, 3].map((i) => `o'\\\\"${i}`).find((key) => bucketOf(key, BUCKETS) !== GONE) ?? "";
    await setState(app, bucketOf(odd, BUCKETS), "moving");
    const hex = Buffer.from(odd).toString("hex");
    for (const mode of ["STRICT_ALL_TABLES", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"]) {
      await app.send(["DELETE FROM dcs_log", `SET sql_mode = '${mode}'`, "SET NAMES latin1"]);
      await app.run(`REPLACE INTO orders VALUES (CONVERT(x'${hex}' USING utf8mb4), 1, 'x', 1)`);
      await app.send(["SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET sql_mode = 'STRICT_ALL_TABLES'"]);
      const [row] = await app.run("SELECT pk FROM dcs_log ORDER BY id LIMIT 1");
      const [found] = await app.run(
        `SELECT COUNT(*) AS n FROM orders WHERE (tenant, id) IN ((${row?.["pk"]}))`,
      );
      expect([mode, found?.["n"]]).toEqual([mode, 1]);
    }
  });
});

describe("a mover's session", () => {
  it("writes where nobody else may, in its own bucket only, and logs nothing", async () => {
    await setState(app, HERE, "incoming");
    await setState(app, GONE, "moving");
    using mover = await openTestSession(url);
    await mover.run(`SET @dcs_bucket = ${HERE}`);
    expect(
      await mover.errnoOf(`REPLACE INTO orders VALUES ('${ann}', 1, 'x', 1), ('${dan}', 2, 'x', 2)`),
    ).toBe(0);
    expect(await mover.errnoOf(`REPLACE INTO orders VALUES ('${bob}', 3, 'x', 3)`)).toBe(OTHER_BUCKET);
    expect(await mover.errnoOf(`UPDATE orders SET tenant = '${bob}' WHERE id = 1`)).toBe(OTHER_BUCKET);
    expect(await mover.errnoOf(`INSERT INTO visits (tenant) VALUES ('${bob}')`)).toBe(OTHER_BUCKET);
    await app.run(`INSERT INTO orders VALUES ('${bob}', 3, 'x', 3)`);
    expect(await mover.errnoOf("DELETE FROM orders WHERE id = 3")).toBe(OTHER_BUCKET);
    // A REPLACE that would delete another bucket's row, which has the same value of a unique key.
    expect(await mover.errnoOf(`REPLACE INTO orders VALUES ('${ann}', 4, 'x', 3)`)).toBe(OTHER_BUCKET);
    expect(await mover.errnoOf("DELETE FROM orders WHERE id = 1")).toBe(0);
    expect(await logOf(app)).toEqual([`${GONE} orders '${bob}',3`]);
    await mover.run("SET @dcs_bucket = NULL");
    expect(await mover.errnoOf(`DELETE FROM orders WHERE id = 2`)).toBe(MOVED);
  });
});

describe("what the triggers cost", () => {
  it("a row, beside the same table without them (told, not judged: the machine is shared)", async () => {
    const rows = 4000;
    await app.send(["CREATE TABLE bare LIKE orders"]);
    const timeOf = async (sql: string) => {
      const from = performance.now();
      await app.run(sql);
      return ((performance.now() - from) * 1000) / rows;
    };
    const fill = (table: string) =>
      `INSERT INTO ${table} (tenant, id, note, code) SELECT CONCAT('t', seq % 500), seq, 'x', seq FROM seq_1_to_${rows}`;
    const best: Record<string, number> = {};
    for (let round = 0; round < 5; round++) {
      for (const table of ["bare", "orders"]) {
        await app.run(`DELETE FROM ${table}`);
        for (const [what, sql] of [
          ["insert", fill(table)],
          ["update", `UPDATE ${table} SET note = 'y${round}'`],
          ["delete", `DELETE FROM ${table}`],
        ] as const) {
          const name = `${what} ${table}`;
          best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, await timeOf(sql));
        }
      }
    }
    const cost = (what: string) => (best[`${what} orders`] ?? 0) - (best[`${what} bare`] ?? 0);
    const said = ["insert", "update", "delete"].map((what) => `${what} ${cost(what).toFixed(1)} µs`);
    process.stderr.write(`triggers cost a row: ${said.join(", ")}\n`);
    expect(Object.values(best).every((time) => time > 0)).toBe(true);
  });
});
