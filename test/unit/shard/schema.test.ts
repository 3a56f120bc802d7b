import { describe, expect, it } from "vitest";
import { compareTables } from "../../../src/core/shard/schema/compare-tables.ts";
import { readGrants } from "../../../src/core/shard/schema/grants.ts";
import { plainDefinition } from "../../../src/core/shard/schema/make-tables.ts";
import { grantFindings, settingFindings } from "../../../src/core/shard/schema/preflight-server.ts";
import type { ServerInfo } from "../../../src/core/shard/schema/server-info.ts";
import { spreadBuckets } from "../../../src/core/shard/schema/spread-buckets.ts";
import type { ColumnInfo, TableInfo } from "../../../src/core/shard/schema/table-info.ts";
import { createTrigger, isOurTrigger, triggersOf } from "../../../src/core/shard/schema/triggers.ts";

const SERVER: ServerInfo = {
  dialect: "mariadb",
  version: "10.11.19",
  identity: "1 vm 3306 /var/lib/mysql/",
  serverId: 1,
  database: "shop",
  isReadOnly: false,
  binlogFormat: "ROW",
  trustsCreators: true,
  sqlMode: [],
  isGalera: false,
  detectsDeadlocks: true,
  autoIncrement: { increment: 1, offset: 1 },
};

function column(name: string, columnType: string): ColumnInfo {
  return {
    ...{ name, columnType, dataType: columnType.replace(/[( ].*/, ""), charset: null, collation: null },
    ...{ isNullable: false, isGenerated: false, isAutoIncrement: false },
  };
}

function table(columns: readonly ColumnInfo[], name = "t"): TableInfo {
  const primary = { name: "PRIMARY", isUnique: true, columns: columns.slice(0, 1).map((each) => each.name) };
  return { name, engine: "InnoDB", columns, keys: [primary], rows: 0, bytes: 0 };
}

describe("what is asked of a server's settings", () => {
  it("finds each of them by itself, and nothing on a good one", () => {
    expect(settingFindings(SERVER)).toEqual([]);
    const cases: readonly [Partial<ServerInfo>, string, string][] = [
      [{ version: "10.4.30" }, "server-old", "refused"],
      [{ dialect: "mysql", version: "8.0.22" }, "server-old", "refused"],
      [{ isReadOnly: true }, "server-read-only", "refused"],
      [{ isGalera: true }, "server-galera", "refused"],
      [{ binlogFormat: "STATEMENT" }, "binlog-statement", "refused"],
      [{ binlogFormat: "MIXED" }, "binlog-mixed", "warning"],
      [{ detectsDeadlocks: false }, "deadlock-detection", "refused"],
      [{ sqlMode: ["NO_BACKSLASH_ESCAPES"] }, "backslash-escapes", "warning"],
    ];
    for (const [change, kind, severity] of cases) {
      expect(settingFindings({ ...SERVER, ...change })).toMatchObject([{ kind, severity }]);
    }
    for (const change of [
      { dialect: "mysql", version: "8.0.23" },
      { version: "12.1" },
      { binlogFormat: null },
    ] as const) {
      expect(settingFindings({ ...SERVER, ...change })).toEqual([]);
    }
  });
});

describe("grants", () => {
  const can = (lines: readonly string[], database: string | null = "shop_1") => {
    const grants = readGrants(lines);
    return ["SELECT", "TRIGGER"].filter((privilege) => grants.has(privilege, database)).join(" ");
  };

  it("are read as SHOW GRANTS writes them", () => {
    expect(can(["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"])).toBe(
      "SELECT TRIGGER",
    );
    expect(can(["GRANT SELECT, INSERT, SHOW VIEW ON *.* TO `a`@`%`"])).toBe("SELECT");
    expect(can(["GRANT USAGE ON *.* TO `a`@`%`", "GRANT TRIGGER ON `shop\\_1`.* TO `a`@`%`"])).toBe(
      "TRIGGER",
    );
    expect(can(["GRANT SELECT ON `shop_1`.* TO `a`@`%`"], "shopX1")).toBe("SELECT");
    expect(can(["GRANT SELECT ON `shop\\_1`.* TO `a`@`%`"], "shopX1")).toBe("");
    expect(can(["GRANT ALL PRIVILEGES ON `sh%`.* TO `a`@`%`"])).toBe("SELECT TRIGGER");
    expect(can(["GRANT SELECT ON `my shop`.* TO `a`@`%`"], "my shop")).toBe("SELECT");
    expect(can(["GRANT SELECT ON `shop_1`.`orders` TO `a`@`%`"])).toBe("");
    expect(can(["GRANT ALL PRIVILEGES ON `%`.* TO `a`@`%`"], null)).toBe("");
  });

  it("only warn where a role may give what is missing", () => {
    const missing = grantFindings(SERVER, ["GRANT USAGE ON *.* TO `a`@`%`"]);
    expect(missing).toMatchObject([{ kind: "privileges", severity: "refused" }]);
    const role = grantFindings(SERVER, ["GRANT `shops` TO `a`@`%`", "GRANT USAGE ON *.* TO `a`@`%`"]);
    expect(role).toMatchObject([{ kind: "privileges", severity: "warning" }]);
  });
});

describe("spreadBuckets", () => {
  const shard = (name: string, weight: number, state: "active" | "draining" = "active") => ({
    ...{ name, weight, state, url: `mysql://u@h/${name}`, zone: null },
  });
  const counts = (shards: Parameters<typeof spreadBuckets>[0], buckets: number) => {
    const owners = spreadBuckets(shards, buckets);
    return shards.map(({ name }) => owners.filter((owner) => owner.shard === name).length);
  };

  it("gives each its share, all of them, and none to one that drains", () => {
    expect(counts([shard("a", 1), shard("b", 1), shard("c", 1)], 16)).toEqual([6, 5, 5]);
    expect(counts([shard("a", 1), shard("b", 3)], 4096)).toEqual([1024, 3072]);
    expect(counts([shard("a", 1), shard("b", 0.5), shard("c", 9, "draining")], 1024)).toEqual([683, 341, 0]);
    expect(counts([shard("a", 1, "draining")], 2)).toEqual([2]);
  });
});

describe("plainDefinition", () => {
  it("leaves out what dcs made, and the number that comes next", () => {
    const text = [
      "CREATE TABLE `t` (",
      "  `k` int(11) NOT NULL COMMENT '`dcs_bucket` AUTO_INCREMENT=7',",
      "  `dcs_bucket` int(10) unsigned GENERATED ALWAYS AS (crc32(`k`) MOD 16) STORED INVISIBLE,",
      "  PRIMARY KEY (`k`),",
      "  KEY `dcs_bucket` (`dcs_bucket`,`k`)",
      ") ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4",
    ].join("\n");
    expect(plainDefinition(text)).toBe(
      [
        "CREATE TABLE IF NOT EXISTS `t` (",
        "  `k` int(11) NOT NULL COMMENT '`dcs_bucket` AUTO_INCREMENT=7',",
        "  PRIMARY KEY (`k`)",
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
      ].join("\n"),
    );
  });
});

describe("compareTables", () => {
  it("takes what servers say differently of the same column for the same", () => {
    const of = (shard: string, type: string) => ({
      shard,
      tables: new Map([["t", table([column("k", type)])]]),
    });
    expect(compareTables(["t"], of("a", "bigint(20) unsigned"), of("b", "bigint unsigned"))).toEqual([]);
    expect(compareTables(["t"], of("a", "bigint"), of("b", "bigint unsigned"))).toMatchObject([
      {
        kind: "tables-differ",
        column: "k",
        problem: "the column is bigint NOT NULL on a and bigint unsigned NOT NULL on b",
      },
    ]);
    expect(compareTables(["t"], of("a", "int"), { shard: "b", tables: new Map() })).toMatchObject([
      { problem: "there is no such table on b" },
    ]);
  });
});

describe("names of triggers", () => {
  it("fit the longest names of tables, and stay apart", () => {
    const names = ["x".repeat(64), `${"x".repeat(63)}y`].flatMap((name) => {
      const spec = { name, key: "k", primaryKey: ["k"] };
      const keyspace = { name: "shop", buckets: 16, hash: "crc32", tables: [spec] } as const;
      const triggers = triggersOf(spec, table([column("k", "int")], name), keyspace);
      for (const trigger of triggers) {
        expect(isOurTrigger(trigger.name, name)).toBe(true);
        expect(createTrigger(trigger)).toContain(`ON \`${name}\``);
      }
      return triggers.map((trigger) => trigger.name);
    });
    expect(new Set(names).size).toBe(6);
    expect(Math.max(...names.map((name) => name.length))).toBe(64);
    expect(isOurTrigger("dcs_bi_other", "t")).toBe(false);
  });
});
