import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkServer, comparePair, lookAtServer } from "../../../src/core/shard/schema/check-server.ts";
import type { Finding } from "../../../src/core/shard/schema/finding.ts";
import { installSchema } from "../../../src/core/shard/schema/install-schema.ts";
import { preflightServer } from "../../../src/core/shard/schema/preflight-server.ts";
import { preflightTables } from "../../../src/core/shard/schema/preflight-tables.ts";
import { readServer } from "../../../src/core/shard/schema/server-info.ts";
import { uninstallSchema } from "../../../src/core/shard/schema/uninstall-schema.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import {
  allAt,
  keyspaceOf,
  newShardDatabase,
  openTestSession,
  type TestSession,
} from "../../support/shard-database.ts";

const BUCKETS = 16;
const ORDERS = { name: "orders", key: "tenant", primaryKey: ["tenant", "id"] };
const KEYSPACE = keyspaceOf([ORDERS], BUCKETS);
const SPEC = { keyspace: KEYSPACE, shard: "a", owners: allAt("a", BUCKETS), dialect: "mariadb" } as const;
const MAKE =
  "CREATE TABLE orders (tenant VARCHAR(20) NOT NULL, id BIGINT NOT NULL AUTO_INCREMENT, note VARCHAR(20) COMMENT 'a, `b`', PRIMARY KEY (tenant, id), KEY (id))";

let server: MariaDb;

beforeAll(async () => {
  server = await startMariaDb();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const kinds = (findings: readonly Finding[]) => findings.map(({ kind }) => kind).toSorted();

async function definitionOf(session: TestSession): Promise<string> {
  const [row] = await session.run("SHOW CREATE TABLE orders");
  return String(row?.["Create Table"]).replace(/ AUTO_INCREMENT=\d+/, "");
}

describe("preflightTables", () => {
  it("finds each thing that speaks against a table, and says what to do", async () => {
    using session = await openTestSession(await newShardDatabase(server));
    const cases: readonly [definition: string, kinds: readonly string[]][] = [
      ["(k INT NOT NULL PRIMARY KEY)", []],
      ["(k INT NOT NULL, id INT NOT NULL, PRIMARY KEY (id, k))", []],
      [
        "(k VARCHAR(9) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, f FLOAT, t TIMESTAMP, j JSON)",
        [],
      ],
      [
        "(k INT NULL, id INT NOT NULL PRIMARY KEY, UNIQUE KEY (k, id))",
        ["key-nullable", "unique-without-key"],
      ],
      ["(k INT NOT NULL AUTO_INCREMENT PRIMARY KEY)", ["key-auto-increment"]],
      ["(k DATETIME NOT NULL PRIMARY KEY)", ["key-type"]],
      ["(k DECIMAL(9,2) NOT NULL PRIMARY KEY)", ["key-type"]],
      ["(k UUID NOT NULL PRIMARY KEY)", ["key-type"]],
      [
        "(x INT NOT NULL PRIMARY KEY, k INT AS (x + 1) STORED)",
        ["key-generated", "key-nullable", "unique-without-key"],
      ],
      ["(z INT NOT NULL PRIMARY KEY)", ["key-missing", "unique-without-key"]],
      ["(k VARCHAR(9) COLLATE utf8mb4_general_ci NOT NULL PRIMARY KEY)", ["key-collation"]],
      [
        "(k VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL PRIMARY KEY)",
        ["key-charset", "key-padding"],
      ],
      ["(k INT NOT NULL, KEY (k))", ["primary-missing"]],
      ["(k INT NOT NULL PRIMARY KEY) ENGINE = MyISAM", ["table-engine"]],
      ["(k INT NOT NULL PRIMARY KEY) WITH SYSTEM VERSIONING", ["table-kind"]],
      ["(k INT NOT NULL, t TIMESTAMP NOT NULL, PRIMARY KEY (k, t))", ["primary-type"]],
      ["(k INT NOT NULL, t DOUBLE NOT NULL, PRIMARY KEY (k, t))", ["primary-type"]],
      ["(k INT NOT NULL, t VARCHAR(50) NOT NULL, PRIMARY KEY (k, t(5)))", ["primary-prefix"]],
      ["(k INT NOT NULL, id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY)", ["unique-auto-increment"]],
      ["(k INT NOT NULL PRIMARY KEY, mail VARCHAR(9) UNIQUE)", ["unique-without-key"]],
      ["(k INT NOT NULL PRIMARY KEY, dcs_bucket INT)", ["bucket-column"]],
      ["(k INT NOT NULL, t VARCHAR(767) COLLATE utf8mb4_bin NOT NULL, PRIMARY KEY (k, t))", ["primary-long"]],
      ["(k INT NOT NULL, t VARCHAR(760) COLLATE utf8mb4_bin NOT NULL, PRIMARY KEY (k, t))", []],
    ];
    for (const [i, [definition, expected]] of cases.entries()) {
      await session.run(`CREATE TABLE c${i} ${definition}`);
      const { findings } = await preflightTables(session, { tables: [{ name: `c${i}`, key: "k" }] });
      expect([definition, kinds(findings)]).toEqual([definition, expected.toSorted()]);
      for (const { problem, hint } of findings) expect([problem, hint]).not.toContain("");
    }
    // What they are refused for is so.
    const long = cases.findIndex(([, expected]) => expected.includes("primary-long"));
    const index = "ADD COLUMN dcs_bucket INT UNSIGNED, ADD KEY (dcs_bucket, k, t)";
    expect(await session.errnoOf(`ALTER TABLE c${long} ${index}`)).toBe(1071);
    expect(await session.errnoOf(`ALTER TABLE c${long + 1} ${index}`)).toBe(0);
    const declared = await preflightTables(session, {
      tables: [{ name: "c18", key: "k" }],
      unique: ["c18.PRIMARY", "c18.nope"],
    });
    expect(kinds(declared.findings)).toEqual(["unique-unknown"]);
    expect(declared.findings[0]?.hint).toBe("there are c18.PRIMARY");
    const mixed = [
      { name: "c0", key: "k" },
      { name: "c2", key: "k" },
    ];
    expect(kinds((await preflightTables(session, { tables: mixed })).findings)).toEqual(["key-kinds"]);
    expect(kinds((await preflightTables(session, { tables: [{ name: "nix", key: "k" }] })).findings)).toEqual(
      ["table-missing"],
    );
  });

  it("tells foreign keys and triggers that matter from those that do not", async () => {
    using session = await openTestSession(await newShardDatabase(server));
    await session.send([
      "CREATE TABLE plans (id INT NOT NULL PRIMARY KEY)",
      "CREATE TABLE p (k INT NOT NULL, id INT NOT NULL, plan INT, PRIMARY KEY (k, id), KEY (id), CONSTRAINT out_fk FOREIGN KEY (plan) REFERENCES plans (id))",
      "CREATE TABLE fine (k INT NOT NULL, id INT NOT NULL, PRIMARY KEY (k, id), FOREIGN KEY (k, id) REFERENCES p (k, id))",
      "CREATE TABLE across (k INT NOT NULL, pid INT NOT NULL, PRIMARY KEY (k, pid), FOREIGN KEY (pid) REFERENCES p (id))",
      "CREATE TABLE drops (k INT NOT NULL, id INT NOT NULL, PRIMARY KEY (k, id), CONSTRAINT gone_fk FOREIGN KEY (k, id) REFERENCES p (k, id) ON DELETE CASCADE)",
      "CREATE TRIGGER fine_bu BEFORE UPDATE ON fine FOR EACH ROW SET NEW.id = NEW.id",
      "CREATE TRIGGER fine_bi BEFORE INSERT ON fine FOR EACH ROW IF @dcs_bucket IS NULL THEN SET NEW.id = 1; END IF",
      "CREATE TRIGGER drops_ad AFTER DELETE ON drops FOR EACH ROW SET @x = 1",
    ]);
    const look = async (...names: readonly string[]) => {
      const { findings } = await preflightTables(session, {
        tables: names.map((name) => ({ name, key: "k" })),
      });
      return findings.map(({ table, kind, severity }) => `${table} ${kind} ${severity}`).toSorted();
    };
    expect(await look("p", "fine", "across", "drops")).toEqual([
      "across foreign-key-across warning",
      "drops foreign-key-cascade refused",
      "drops trigger-fires refused",
      "p foreign-key-to-outside warning",
    ]);
    expect(await look("p", "fine")).toContain("across foreign-key-from-outside refused");
  });
});

describe("preflightServer", () => {
  it("names the privileges that are missing, and who may make triggers beside a binary log", async () => {
    const url = await newShardDatabase(server);
    const name = new URL(url).pathname.slice(1);
    await server.asRoot(
      `CREATE USER weak@'%'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX ON ${name}.* TO weak@'%'`,
    );
    using weak = await openTestSession(url.replace("dcs@", "weak@"));
    const look = async () => await preflightServer(weak, await readServer(weak));
    expect(kinds(await look())).toEqual(["privileges"]);
    expect((await look())[0]).toMatchObject({
      severity: "refused",
      hint: `GRANT TRIGGER ON \`${name}\`.* TO that user`,
    });
    await server.asRoot("SET GLOBAL log_bin_trust_function_creators = 0");
    try {
      expect(kinds(await look())).toEqual(["privileges", "trigger-super"]);
      await server.asRoot(`GRANT TRIGGER ON ${name}.* TO weak@'%'`);
      using again = await openTestSession(url.replace("dcs@", "weak@"));
      expect(kinds(await preflightServer(again, await readServer(again)))).toEqual(["trigger-super"]);
      // What it says is so.
      await again.run("CREATE TABLE t (k INT NOT NULL PRIMARY KEY)");
      expect(await again.errnoOf("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a = 1")).toBe(1419);
      await server.asRoot("GRANT SUPER ON *.* TO weak@'%'");
      using strong = await openTestSession(url.replace("dcs@", "weak@"));
      expect(await preflightServer(strong, await readServer(strong))).toEqual([]);
      expect(await strong.errnoOf("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a = 1")).toBe(0);
    } finally {
      await server.asRoot("SET GLOBAL log_bin_trust_function_creators = 1");
    }
  });

  it("knows the server again by what does not change", async () => {
    using one = await openTestSession(await newShardDatabase(server));
    using other = await openTestSession(await newShardDatabase(server));
    const [a, b] = [await readServer(one), await readServer(other)];
    expect(a).toMatchObject({ dialect: "mariadb", binlogFormat: "ROW", isReadOnly: false, isGalera: false });
    expect(a.identity).toBe(b.identity);
    expect(a.identity).toContain(String(server.port));
  });
});

describe("installSchema and uninstallSchema", () => {
  it("leave the table as it was, rows and all, and do nothing twice", async () => {
    using session = await openTestSession(await newShardDatabase(server));
    await session.send([MAKE, "INSERT INTO orders (tenant, note) VALUES ('a', 'x'), ('b', NULL)"]);
    const before = await definitionOf(session);
    expect((await installSchema(session, { ...SPEC, dryRun: true })).length).toBeGreaterThan(8);
    expect(await session.run("SHOW TABLES")).toHaveLength(1);
    for (const virtual of [false, true]) {
      await installSchema(session, { ...SPEC, virtual });
      expect(await definitionOf(session)).toContain(virtual ? "VIRTUAL INVISIBLE" : "STORED INVISIBLE");
      expect(await installSchema(session, { ...SPEC, virtual })).toEqual([]);
      expect(kinds(await checkServer(session, KEYSPACE, "a"))).toEqual([]);
      await uninstallSchema(session, { tables: ["orders"] });
      expect(await definitionOf(session)).toBe(before);
      expect(await session.run("SHOW TABLES")).toHaveLength(1);
      expect(await session.run("SHOW TRIGGERS")).toEqual([]);
    }
    expect(await session.run("SELECT tenant, id, note FROM orders")).toEqual([
      { tenant: "a", id: 1, note: "x" },
      { tenant: "b", id: 2, note: null },
    ]);
  });

  it("goes on where an interrupted one stopped, wherever that was", async () => {
    const url = await newShardDatabase(server);
    using session = await openTestSession(url);
    await session.send([MAKE]);
    const all = await installSchema(session, { ...SPEC, dryRun: true });
    for (let steps = 1; steps < all.length; steps += 3) {
      using broken = await openTestSession(url);
      let left = steps;
      const cut = {
        send: (statements: readonly string[]) => {
          if (!/^\s*(SELECT|SHOW)/i.test(statements[0] ?? "") && left-- === 0) throw new Error("cut");
          return broken.send(statements);
        },
      };
      await expect(installSchema(cut, SPEC)).rejects.toThrow("cut");
      broken[Symbol.dispose]();
      await installSchema(session, SPEC);
      expect([steps, kinds(await checkServer(session, KEYSPACE, "a"))]).toEqual([steps, []]);
      const [owned] = await session.run(
        "SELECT COUNT(*) AS n FROM dcs_bucket WHERE state = 'owned' AND owner = 'a'",
      );
      expect(owned?.["n"]).toBe(BUCKETS);
      await uninstallSchema(session, { tables: ["orders"] });
    }
  });

  it("refuses no write, and loses none, while applications write", async () => {
    const url = await newShardDatabase(server);
    using session = await openTestSession(url);
    await session.send([MAKE]);
    let isOver = false;
    const write = async (who: string) => {
      using app = await openTestSession(url);
      let written = 0;
      while (!isOver) {
        await app.run(`INSERT INTO orders (tenant, note) VALUES ('${who}${written % 50}', 'x')`);
        written++;
      }
      return written;
    };
    const writers = [write("a"), write("b"), write("c")];
    // It takes tables away from transactions that end soon: waits are short, and none is refused.
    const install = (async () => {
      try {
        for (let i = 0; i < 3; i++) {
          await installSchema(session, SPEC);
          if (i < 2) await uninstallSchema(session, { tables: ["orders"] });
        }
      } finally {
        isOver = true;
      }
    })();
    const [, ...written] = await Promise.all([install, ...writers]);
    const [row] = await session.run("SELECT COUNT(*) AS n, SUM(dcs_bucket IS NULL) AS empty FROM orders");
    expect(Number(row?.["n"])).toBe(written.reduce((sum, each) => sum + each, 0));
    expect(Number(row?.["n"])).toBeGreaterThan(0);
    expect(Number(row?.["empty"])).toBe(0);
  });

  it("keeps what a mover has touched, and refuses another layout", async () => {
    using session = await openTestSession(await newShardDatabase(server));
    await session.send([MAKE]);
    await installSchema(session, SPEC);
    await session.run(
      "UPDATE dcs_bucket SET state = 'gone', epoch = 4, token = 9, owner = 'b' WHERE bucket = 3",
    );
    await session.run("UPDATE dcs_bucket SET owner = 'x' WHERE bucket = 4");
    expect(
      (await installSchema(session, SPEC)).filter((statement) => statement.startsWith("UPDATE")),
    ).toHaveLength(1);
    const [row] = await session.run("SELECT state, epoch, token FROM dcs_bucket WHERE bucket = 3");
    expect(row).toEqual({ state: "gone", epoch: 4, token: 9 });
    for (const [keyspace, shard, code] of [
      [{ ...KEYSPACE, buckets: 32 }, "a", "SHARD_SCHEMA_MISMATCH"],
      [{ ...KEYSPACE, tables: [] }, "a", "SHARD_SCHEMA_MISMATCH"],
      [KEYSPACE, "b", "SHARD_SCHEMA_MISMATCH"],
    ] as const) {
      await expect(installSchema(session, { ...SPEC, keyspace, shard })).rejects.toMatchObject({ code });
      await expect(checkServer(session, keyspace, shard)).rejects.toMatchObject({ code });
    }
    await session.run("UPDATE dcs_keyspace SET version = 99");
    await expect(checkServer(session, KEYSPACE, "a")).rejects.toMatchObject({ code: "SHARD_SCHEMA_NEWER" });
    await session.run("DROP TABLE dcs_keyspace");
    await expect(checkServer(session, KEYSPACE, "a")).rejects.toMatchObject({ code: "SHARD_SCHEMA_MISSING" });
  });
});

describe("checkServer", () => {
  it("finds what was taken away or changed since, and installSchema mends it", async () => {
    using session = await openTestSession(await newShardDatabase(server));
    await session.send([MAKE]);
    await installSchema(session, SPEC);
    const mended: readonly [harm: string, kind: string][] = [
      ["DROP TRIGGER dcs_bu_orders", "trigger-missing"],
      [
        "CREATE OR REPLACE TRIGGER dcs_bd_orders BEFORE DELETE ON orders FOR EACH ROW BEGIN END",
        "trigger-changed",
      ],
      ["ALTER TABLE orders DROP KEY dcs_bucket", "bucket-column-missing"],
      ["ALTER TABLE orders DROP KEY dcs_bucket, DROP COLUMN dcs_bucket", "bucket-column-missing"],
      ["ALTER TABLE orders MODIFY tenant VARCHAR(20) CHARACTER SET latin1 NOT NULL", "trigger-changed"],
    ];
    for (const [harm, kind] of mended) {
      await session.run(harm);
      expect([harm, new Set(kinds(await checkServer(session, KEYSPACE, "a")))]).toEqual([
        harm,
        new Set([kind]),
      ]);
      await installSchema(session, SPEC);
      expect([harm, kinds(await checkServer(session, KEYSPACE, "a"))]).toEqual([harm, []]);
    }
    const told: readonly [harm: string, kind: string, mend: string][] = [
      [
        "CREATE TRIGGER late BEFORE INSERT ON orders FOR EACH ROW IF @dcs_bucket IS NULL THEN SET NEW.tenant = 'x'; END IF",
        "trigger-after-ours",
        "DROP TRIGGER late",
      ],
      [
        "ALTER TABLE orders DROP PRIMARY KEY, ADD PRIMARY KEY (tenant)",
        "primary-changed",
        "ALTER TABLE orders DROP PRIMARY KEY, ADD PRIMARY KEY (tenant, id)",
      ],
    ];
    for (const [harm, kind, mend] of told) {
      await session.run(harm);
      expect([harm, kinds(await checkServer(session, KEYSPACE, "a"))]).toEqual([harm, [kind]]);
      await session.run(mend);
    }
    using other = await openTestSession(await newShardDatabase(server));
    await other.send(["XA START 'x'", "SELECT 1", "XA END 'x'", "XA PREPARE 'x'"]);
    expect(kinds(await checkServer(session, KEYSPACE, "a"))).toEqual(["xa-prepared"]);
    await other.run("XA ROLLBACK 'x'");
  });

  it("compares the tables of the two servers of a move", async () => {
    using src = await openTestSession(await newShardDatabase(server));
    using dst = await openTestSession(await newShardDatabase(server));
    for (const session of [src, dst]) await session.send([MAKE]);
    await installSchema(src, SPEC);
    await installSchema(dst, { ...SPEC, shard: "b" });
    const compare = async () =>
      comparePair(KEYSPACE, await lookAtServer(src, KEYSPACE, "a"), await lookAtServer(dst, KEYSPACE, "b"));
    expect(await compare()).toEqual([]);
    await dst.run("ALTER TABLE orders MODIFY note VARCHAR(10), ADD COLUMN more INT, ADD KEY (note)");
    expect((await compare()).map(({ kind, column }) => `${kind} ${column}`).toSorted()).toEqual([
      "tables-differ more",
      "tables-differ note",
    ]);
    await dst.run(
      "ALTER TABLE orders MODIFY note VARCHAR(20) COMMENT 'a, `b`', DROP COLUMN more, ADD UNIQUE KEY (note, tenant)",
    );
    expect((await compare()).map(({ problem }) => problem)).toEqual(["only b has UNIQUE KEY (note, tenant)"]);
  });
});
