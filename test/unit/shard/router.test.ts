import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bindParams, type SqlParam } from "../../../src/core/mysql/bind-params.ts";
import { MysqlError } from "../../../src/core/mysql/mysql-error.ts";
import type { ShardMap } from "../../../src/core/shard/keyspace.ts";
import { judgeGuard, refusalOf } from "../../../src/core/shard/router/bucket-refusal.ts";
import { KnownMap } from "../../../src/core/shard/router/known-map.ts";
import { Membership } from "../../../src/core/shard/router/membership.ts";
import { Running } from "../../../src/core/shard/router/running.ts";
import { statementKind } from "../../../src/core/shard/router/statement-kind.ts";
import { shardUrl } from "../../../src/core/shard/shard-url.ts";
import { openStore } from "../../../src/core/store/open-store.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { nothingUntil } from "../../support/shard-lab.ts";
import { sandbox } from "../../support/start-dcs.ts";
import { until } from "../../support/until.ts";

describe("parameters of a statement", () => {
  it.each<[string, readonly SqlParam[], string]>([
    ["SELECT ?, ?", [1, "it's \\ x"], "SELECT 1, 'it\\'s \\\\ x'"],
    ["SELECT '?', \"?\", `?`, ? -- ?\n, ? # ?", [1, 2], "SELECT '?', \"?\", `?`, 1 -- ?\n, 2 # ?"],
    ["SELECT 'a\\'?', '''?', /* ? */ ?", [null], "SELECT 'a\\'?', '''?', /* ? */ NULL"],
    ["x IN (?)", [["a", 2n ** 62n]], "x IN ('a', 4611686018427387904)"],
    ["SELECT ?, ?", [new Uint8Array([0, 255]), true], "SELECT x'00ff', 1"],
    ["SELECT ?", [new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6))], "SELECT '2026-01-02 03:04:05.006'"],
    ["SELECT 1--?", [2], "SELECT 1--2"],
    ["SELECT ? ; -- done", ["; DROP"], "SELECT '; DROP' ; -- done"],
  ])("puts them into %s", (sql, params, expected) => {
    expect(bindParams(sql, params)).toBe(expected);
  });

  it.each<[string, readonly unknown[], RegExp]>([
    ["SELECT ?", [], /1 \?, and 0 parameters/],
    ["SELECT 1", [1], /0 \?, and 1 parameter/],
    ["SELECT ?", [{ id: 1 }], /parameter 1 is a object/],
    ["SELECT ?", [[]], /empty list/],
    ["SELECT ?, ?", [1, undefined], /parameter 2 is undefined/],
    ["SELECT ?", [Number.NaN], /NaN/],
    ["SELECT 1; SELECT 2", [], /second statement/],
    ["SELECT ?; 'x'", [1], /second statement/],
    ["SELECT ';'; SELECT 2", [], /second statement/],
  ])("refuses %s", (sql, params, message) => {
    expect(() => bindParams(sql, params as readonly SqlParam[])).toThrow(message);
  });

  it("keeps any text inside of its quotes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const sql = bindParams("SELECT ?", [text]);
        expect(bindParams(`${sql}, ?`, [1])).toBe(`${sql}, 1`);
      }),
    );
  });
});

describe("kinds of statements", () => {
  it.each([
    ["SELECT 1", "read"],
    ["  /* a */ -- b\n (select 1)", "read"],
    ["WITH x AS (SELECT 1) DELETE FROM t", "write"],
    ["insert into t values (1)", "write"],
    ["REPLACE INTO t SELECT 1", "write"],
    ["ROLLBACK TO SAVEPOINT a", "write"],
    ["CALL p()", "call"],
  ])("%s is a %s", (sql, kind) => {
    expect(statementKind(sql)).toBe(kind);
  });

  it.each([
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "ROLLBACK AND CHAIN",
    "/*! DROP TABLE t */",
    "/*M! DROP TABLE t */",
    "TRUNCATE t",
    "SET @@autocommit = 0",
    "LOCK TABLES t WRITE",
    "PREPARE x FROM 'COMMIT'",
    "SELECT @ dcs_bucket := 1",
    "SELECT 1 INTO @`dcs_bucket`",
    "SELECT 1 INTO @'DCS_BUCKET'",
    "-- nothing",
    "",
  ])("refuses %j", (sql) => {
    expect(() => statementKind(sql)).toThrow(expect.objectContaining({ code: "SHARD_STATEMENT_REFUSED" }));
  });
});

describe("what a server says of a bucket", () => {
  it("reads the triggers' refusal, and takes no other error for one", () => {
    const moved = new MysqlError("other", "DCS_MOVED bucket=7 epoch=3 owner=s2", 31001);
    expect(refusalOf(moved, 1)).toMatchObject({ bucket: 7, epoch: 3, owner: "s2" });
    expect(refusalOf(new MysqlError("other", "DCS_MOVED bucket=7 epoch=0 owner=", 31001), 1)).toMatchObject({
      owner: null,
    });
    expect(refusalOf(new MysqlError("other", "DCS_MOVED bucket=7", 1644), 1)).toBeNull();
  });

  it.each([
    ["owned", 2, true],
    ["moving", 2, true],
    ["owned", 4, false],
    ["owned", 1, false],
    ["sealed", 2, false],
    ["gone", 2, false],
    ["incoming", 2, false],
  ])("%s@%i for a router of epoch 2: %s", (state, epoch, isOpen) => {
    const rows = [{ bucket: 7, state, epoch, owner: "s" }];
    expect(judgeGuard(rows, [{ bucket: 7, epoch: 2 }]) === null).toBe(isOpen);
  });

  it("demands a row of every bucket", () => {
    const rows = [{ bucket: 7, state: "owned", epoch: 2, owner: "s" }];
    expect(
      judgeGuard(rows, [
        { bucket: 7, epoch: 2 },
        { bucket: 8, epoch: 2 },
      ]),
    ).toMatchObject({ bucket: 8 });
  });
});

it("counts transactions by the map they began by", async () => {
  const running = new Running();
  await running.idle();
  const [old, also, young] = [running.begin(3), running.begin(3), running.begin(5)];
  expect(running.oldest).toBe(3);
  old();
  old();
  expect(running.oldest).toBe(3);
  also();
  expect(running.oldest).toBe(5);
  let isIdle = false;
  const idle = running.idle().then(() => (isIdle = true));
  expect(isIdle).toBe(false);
  young();
  await idle;
  expect(running.oldest).toBeNull();
});

it("only takes newer maps, tells who waits, and reads once for all who ask", async () => {
  const map = (revision: number): ShardMap => ({ keyspace: "k", revision, owners: [] });
  let reads = 0;
  const read = async () => map(10 + ++reads);
  const known = new KnownMap(map(5), read, () => {});
  known.take(map(4));
  expect(known.present.revision).toBe(5);
  const clock = new FakeClock();
  const newer = known.newer(5, clock, 60_000);
  await Promise.all([known.refresh(), known.refresh()]);
  expect(reads).toBe(1);
  expect(known.present.revision).toBe(11);
  await newer;
  let isOver = false;
  const over = known.newer(11, clock, 100).then(() => (isOver = true));
  await clock.advance(99);
  expect(isOver).toBe(false);
  await clock.advance(1);
  await over;
});

it("stands among the routers, acknowledging nothing, before it reads the map", async () => {
  using box = sandbox();
  await using store = await openStore("embedded:", { timeoutMs: 5000, stateDir: `${box.dir}/state` });
  const said: string[] = [];
  const shards = {
    keyspace: async () => ({
      keyspace: { name: "k", buckets: 2, hash: "crc32" as const, tables: [] },
      shards: [],
    }),
    async map() {
      said.push("read");
      return { keyspace: "k", revision: 9, owners: [] };
    },
    watchMap: (signal: AbortSignal) => nothingUntil<ShardMap>(signal),
    async ack(_lease: string, { revision }: { readonly revision: number }) {
      said.push(`ack ${revision}`);
    },
  };
  const membership = await Membership.join({
    store,
    shards,
    clock: systemClock,
    ttlMs: 5000,
    random: Math.random,
    onEvent: () => {},
  });
  await until(() => said.length === 3);
  expect(said).toEqual(["ack 0", "read", "ack 9"]);
  const ticket = membership.begin();
  const closed = membership.close();
  expect(() => membership.begin()).toThrow(expect.objectContaining({ code: "SHARD_ROUTER_STALE" }));
  expect(ticket.isCertain).toBe(true);
  ticket.end();
  await closed;
  expect(await store.leases()).toEqual([]);
});

it("fills in the variables of a shard's URL", () => {
  const url = (text: string, env = {}) => shardUrl({ name: "a", url: text }, env);
  expect(url(`mysql://u:\${P}@h/d`, { P: "x%40" })).toBe("mysql://u:x%40@h/d");
  expect(url(`mysql://u@h/$\${d}`)).toBe(`mysql://u@h/\${d}`);
  expect(() => url(`mysql://\${NO}@h/d`)).toThrow(/shard a: the environment variable NO is not set/);
});
