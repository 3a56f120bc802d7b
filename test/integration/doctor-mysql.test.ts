import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { check, doctor, failed } from "../support/doctor.ts";
import { freePort } from "../support/free-port.ts";
import { type MariaDb, startMariaDb } from "../support/mariadb.ts";
import { newDatabase } from "../support/mysql-journal.ts";
import { parkedRun } from "../support/parked-run.ts";

let server: MariaDb;

beforeAll(async () => {
  server = await startMariaDb();
  await server.asRoot("SET GLOBAL sync_binlog = 1");
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** With a setting changed for as long as it looks. */
async function examined(url: string, setting: string, value: string, during = async () => {}) {
  const before = await server.asRoot(`SELECT @@GLOBAL.${setting}`);
  await server.asRoot(`SET GLOBAL ${setting} = ${value}`);
  try {
    await during();
    return await doctor({ journal: url });
  } finally {
    const quoted = /^\d+$/.test(before) ? before : `'${before}'`;
    await server.asRoot(`SET GLOBAL ${setting} = ${quoted}`);
  }
}

describe("a journal in MariaDB", () => {
  it("has nothing against a server that keeps the promises", async () => {
    const report = await doctor({ journal: await newDatabase(server) });
    const own = report.checks.filter(({ backend }) => backend === "mysql");
    expect(own.filter(({ status }) => status !== "ok")).toEqual([]);
    expect(own.map((one) => one.check).sort()).toEqual(
      [
        ...[
          "binlog",
          "clock",
          "durability",
          "isolation",
          "latency",
          "login",
          "packet",
          "reachable",
          "rights",
        ],
        ...["runs", "tables", "tls", "version", "writable"],
      ].sort(),
    );
    expect(check(report, "version", "mysql")?.detail).toMatch(/^MariaDB \d/);
  });

  it("says what a setting loses, and what to set", async () => {
    const url = await newDatabase(server);
    const flush = await examined(url, "innodb_flush_log_at_trx_commit", "2");
    expect(check(flush, "durability", "mysql")).toMatchObject({
      status: "warn",
      detail: expect.stringMatching(/is 2: a crash of the machine forgets about the last second/),
      fix: expect.stringContaining("SET GLOBAL innodb_flush_log_at_trx_commit = 1"),
    });
    expect(check(await examined(url, "sync_binlog", "0"), "binlog")).toMatchObject({
      status: "warn",
      fix: expect.stringContaining("SET GLOBAL sync_binlog = 1"),
      data: { sync_binlog: 0 },
    });
    // What it says of this one is what happens.
    const statements = await examined(url, "binlog_format", "'STATEMENT'", () =>
      expect(parkedRun(url)).rejects.toThrow(/BINLOG_FORMAT = STATEMENT/i),
    );
    expect(check(statements, "binlog")?.status).toBe("fail");
    expect(check(await examined(url, "innodb_deadlock_detect", "OFF"), "isolation")?.status).toBe("warn");
    const small = await examined(url, "max_allowed_packet", "1048576");
    expect(check(small, "packet")).toMatchObject({ status: "warn", data: { max_allowed_packet: 1048576 } });
    expect(failed(await examined(url, "read_only", "ON"))).toEqual(["mysql writable"]);
  });

  it("tells whether the tables are there, of this dcs, and this user's", async () => {
    const bare = await newDatabase(server, { migrated: false });
    expect(check(await doctor({ journal: bare }), "tables")).toMatchObject({
      status: "warn",
      fix: "dcs saga migrate",
      data: { error: "JOURNAL_NOT_MIGRATED" },
    });
    const url = await newDatabase(server);
    const { pathname } = new URL(url);
    const database = pathname.slice(1);
    await server.asRoot(
      `CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'geheim'; GRANT SELECT ON ${database}.* TO reader@'127.0.0.1'`,
    );
    const asReader = `mysql://reader:geheim@127.0.0.1:${server.port}`;
    const reader = await doctor({ journal: `${asReader}${pathname}` });
    expect(failed(reader)).toEqual(["mysql rights"]);
    expect(check(reader, "rights")?.fix).toContain(`GRANT INSERT ON \`${database}\`.*`);
    await server.run(`UPDATE ${database}.saga_meta SET version = 99`);
    expect(check(await doctor({ journal: url }), "tables")?.data).toMatchObject({ error: "JOURNAL_NEWER" });
  });

  it("keeps to the greeting where the login is refused", async () => {
    for (const [user, database, code] of [
      ["nobody:geheim", "dcs", "JOURNAL_AUTH"],
      ["dcs", "nowhere", "JOURNAL_NOT_MIGRATED"],
    ]) {
      const report = await doctor({ journal: `mysql://${user}@127.0.0.1:${server.port}/${database}` });
      expect(failed(report)).toEqual(["mysql login"]);
      expect(check(report, "login")?.data).toEqual({ error: code });
      expect(check(report, "version", "mysql")?.status).toBe("ok");
      expect(JSON.stringify(report)).not.toContain("geheim");
    }
    const down = await doctor({ journal: `mysql://dcs@127.0.0.1:${await freePort()}/dcs` });
    expect(check(down, "reachable", "mysql")?.data).toEqual({ error: "JOURNAL_UNREACHABLE" });
  });

  it("counts parked runs", async () => {
    const url = await newDatabase(server);
    await parkedRun(url);
    expect(check(await doctor({ journal: url }), "runs")).toMatchObject({
      status: "warn",
      detail: "0 live, 1 parked, 0 ended: one waits for a person",
      fix: "dcs saga ls --status parked",
    });
  });
});
