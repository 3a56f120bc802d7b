import { afterAll, beforeAll, expect, test } from "vitest";
import { applyLog } from "../../../src/core/shard/data/apply-log.ts";
import { Lane } from "../../../src/core/shard/data/lane.ts";
import { isTimeOver } from "../../../src/core/shard/data/mover-session.ts";
import { moverTransaction, Superseded } from "../../../src/core/shard/data/mover-transaction.ts";
import { readProgress } from "../../../src/core/shard/data/progress.ts";
import { purgeBucket } from "../../../src/core/shard/data/purge-bucket.ts";
import { bucketOf } from "../../../src/core/shard/keyspace.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { type ShardPair, shardPair, TOKEN } from "../../support/shard-pair.ts";
import { until } from "../../support/until.ts";

const BUCKETS = 2;
/** Tenants of the bucket that moves, and one of the bucket that stays. */
const [T = 0, U = 0] = [1, 2, 3, 4, 5, 6, 7, 8].filter((each) => bucketOf(each, BUCKETS) === 1);
const [OTHER = 0] = [1, 2, 3, 4, 5, 6, 7, 8].filter((each) => bucketOf(each, BUCKETS) === 0);
const DDL = `CREATE TABLE item (tenant INT NOT NULL, id INT NOT NULL, name VARCHAR(20) NOT NULL, n INT NOT NULL DEFAULT 0, f FLOAT NULL, data LONGBLOB NULL,
    PRIMARY KEY (id), UNIQUE KEY (tenant, name)) ENGINE = InnoDB;
  CREATE TABLE note (tenant INT NOT NULL, id INT NOT NULL, text TEXT, PRIMARY KEY (tenant, id)) ENGINE = InnoDB`;
const TABLES = [
  { name: "item", key: "tenant", primaryKey: ["id"] },
  { name: "note", key: "tenant", primaryKey: ["tenant", "id"] },
];

let server: MariaDb;
beforeAll(async () => {
  server = await startMariaDb();
});
afterAll(() => server[Symbol.asyncDispose]());

async function filledPair(rows: number): Promise<ShardPair> {
  const pair = await shardPair(server, { buckets: BUCKETS, tables: TABLES, ddl: DDL });
  await pair.at(
    pair.src,
    `INSERT INTO item (tenant, id, name, f) SELECT IF(seq % 5, ${T}, ${OTHER}), seq, CONCAT('i', seq), seq / 7 FROM seq_1_to_${rows};
     INSERT INTO note SELECT IF(seq % 5, ${U}, ${OTHER}), seq, REPEAT('x', seq % 50) FROM seq_1_to_${rows}`,
  );
  return pair;
}

const sideOf = (pair: ShardPair) => ({
  src: new Lane(pair.openSrc, systemClock),
  dst: new Lane(pair.openDst, systemClock),
  at: { bucket: 1, token: TOKEN, states: ["incoming"] as const },
  tables: pair.tables,
  signal: new AbortController().signal,
});

const contents = (pair: ShardPair, database: string) =>
  pair.at(
    database,
    "SELECT *, f * 1e0, dcs_bucket FROM item WHERE dcs_bucket = 1 ORDER BY id; SELECT * FROM note WHERE dcs_bucket = 1 ORDER BY id",
  );

test("a bucket that is written while it is copied arrives as it is in the end", async () => {
  const pair = await filledPair(600);
  await pair.arm(1);
  await using writer = await pair.writer();
  let copied = false;
  let writes = 0;
  const writing = (async () => {
    while (!copied || writes < 30) {
      const id = 1 + ((writes * 37) % 600);
      await writer.run(
        `UPDATE item SET n = n + 1 WHERE id = ${id};
         DELETE FROM item WHERE id = ${id + 3};
         INSERT IGNORE INTO item (tenant, id, name) VALUES (${T}, ${1000 - writes}, 'new${writes}');
         INSERT INTO note VALUES (${U}, ${id}, 'a\\\\b''c') ON DUPLICATE KEY UPDATE text = CONCAT(text, '!');
         UPDATE item SET id = id + 5000 WHERE id = ${id + 1};
         UPDATE item SET tenant = IF(tenant = ${T}, ${OTHER}, ${T}) WHERE id = ${id + 2};
         START TRANSACTION;
         UPDATE item SET name = 'swap' WHERE id = 16; UPDATE item SET name = CONCAT('s', ${writes}) WHERE id = 11; UPDATE item SET name = CONCAT('t', ${writes}) WHERE id = 16;
         UPDATE item SET name = 'swap' WHERE id = 11; UPDATE item SET name = CONCAT('s', ${writes}) WHERE id = 16; UPDATE item SET name = CONCAT('t', ${writes}) WHERE id = 11;
         COMMIT;
         REPLACE INTO item (tenant, id, name) VALUES (${T}, 22, 'i23');`,
      );
      writes++;
    }
  })();
  await pair.copy(1, { chunkBytes: 400 });
  copied = true;
  const during = await pair.verify(1);
  expect(during.differences).toEqual([]);
  await writing;
  await pair.drain(1);
  expect(await contents(pair, pair.dst)).toBe(await contents(pair, pair.src));
  expect(await pair.verify(1)).toMatchObject({ differences: [], unsettled: [] });
  using dst = await pair.openDst();
  expect(await readProgress(dst, 1)).toMatchObject({ epoch: 1, source: pair.src, isComplete: true });
});

test("a copy goes on where a dead one was, and stops under another's token", async () => {
  const pair = await filledPair(500);
  await pair.arm(1);
  let chunks = 0;
  const crash = pair.copy(1, {
    chunkBytes: 300,
    lanes: 1,
    throttle: async () => {
      if (++chunks === 4) throw new Error("killed");
    },
  });
  await expect(crash).rejects.toThrow("killed");
  using dst = await pair.openDst();
  const before = await readProgress(dst, 1);
  expect(before?.isComplete).toBe(false);
  expect(before?.copied).toBeGreaterThan(10);
  const arrived = Number(await pair.at(pair.dst, "SELECT COUNT(*) FROM item"));
  expect(before?.tables.get("item")?.copied).toBe(arrived);

  const superseded = pair.copy(1, {
    chunkBytes: 300,
    lanes: 1,
    throttle: async () => {
      if (++chunks === 8) await pair.at(pair.dst, "UPDATE dcs_bucket SET token = 8 WHERE bucket = 1");
    },
  });
  await expect(superseded).rejects.toBeInstanceOf(Superseded);
  await pair.at(pair.dst, `UPDATE dcs_bucket SET token = ${TOKEN} WHERE bucket = 1`);
  const between = await readProgress(dst, 1);
  expect(between?.copied).toBeGreaterThan(before?.copied ?? 0);

  const rest = await pair.copy(1);
  expect(rest.rows + (between?.copied ?? 0)).toBe(800);
  expect(await contents(pair, pair.dst)).toBe(await contents(pair, pair.src));
  expect((await pair.copy(1)).rows).toBe(0);
});

test("rows missing, extra and changed are told by their keys, others' changes are not", async () => {
  const pair = await filledPair(400);
  await pair.arm(1);
  await pair.copy(1);
  await using writer = await pair.writer();
  await pair.at(
    pair.dst,
    `SET @dcs_bucket = 1; DELETE FROM item WHERE id = 7; UPDATE item SET n = 5 WHERE id = 8; DELETE FROM note WHERE tenant = ${U} AND id = 11;
     INSERT INTO item (tenant, id, name) VALUES (${T}, 999, 'extra')`,
  );
  let stop = false;
  const hot = (async () => {
    while (!stop) await writer.run("UPDATE item SET n = NOT n WHERE id IN (21, 22);");
  })();
  const { differences, rows } = await pair.verify(1);
  stop = true;
  await hot;
  expect(rows).toBe(640);
  expect(differences).toEqual([
    { table: "item", pk: "7", kind: "missing" },
    { table: "item", pk: "8", kind: "changed" },
    { table: "item", pk: "999", kind: "extra" },
    { table: "note", pk: `${U},11`, kind: "missing" },
  ]);
});

test("two values that changed places are seen by our digest, and not by a CRC32", async () => {
  const pair = await filledPair(50);
  await pair.arm(1);
  await pair.copy(1);
  const crc = () =>
    pair.at(
      pair.dst,
      "SELECT COUNT(*), BIT_XOR(CRC32(CONCAT_WS('#', id, name))) FROM item WHERE dcs_bucket = 1",
    );
  const before = await crc();
  // A CRC is affine: of texts of one length, exchanging two leaves the XOR of all.
  await pair.at(
    pair.dst,
    "SET @dcs_bucket = 1; UPDATE item SET name = 'tmp' WHERE id = 11; UPDATE item SET name = 'i11' WHERE id = 12; UPDATE item SET name = 'i12' WHERE id = 11",
  );
  expect(await crc()).toBe(before);
  expect((await pair.verify(1)).differences.map(({ pk }) => pk)).toEqual(["11", "12"]);
});

test("a change that commits late with a lower id stays in the log", async () => {
  const pair = await filledPair(50);
  await pair.arm(1);
  await pair.copy(1);
  await using late = await pair.writer();
  await late.run("START TRANSACTION; UPDATE item SET n = 77 WHERE id = 1;");
  await pair.at(pair.src, "UPDATE item SET n = 78 WHERE id = 2");
  await pair.drain(1);
  await late.run("COMMIT;");
  const ids = (await pair.at(pair.src, "SELECT id FROM dcs_log")).split("\n").map(Number);
  const next = Number(
    await pair.at(
      pair.src,
      "SELECT auto_increment FROM information_schema.tables WHERE table_name = 'dcs_log' AND table_schema = DATABASE()",
    ),
  );
  // What was struck had a higher one.
  expect(Math.max(...ids)).toBeLessThan(next - 1);
  await pair.drain(1);
  expect(await pair.at(pair.dst, "SELECT n FROM item WHERE id IN (1, 2) ORDER BY id")).toBe("77\n78");
});

test("a FLOAT copied as the text that it prints is another", async () => {
  const pair = await filledPair(50);
  const [text, exact] = (
    await pair.at(
      pair.src,
      "SELECT COUNT(*) FROM item WHERE f <> CAST(CONCAT(f) AS FLOAT); SELECT COUNT(*) FROM item a JOIN item b USING (id) WHERE a.f <> CAST(b.f * 1e0 AS FLOAT)",
    )
  ).split("\n");
  expect(Number(text)).toBeGreaterThan(0);
  expect(Number(exact)).toBe(0);
});

test("rows longer than a chunk go alone, those longer than a packet are refused by name", async () => {
  const pair = await filledPair(20);
  await pair.at(
    pair.src,
    "UPDATE item SET data = REPEAT(x'0027', 150000) WHERE id IN (3, 4); UPDATE note SET text = REPEAT('''', 30000) WHERE id IN (1, 2, 13)",
  );
  await pair.arm(1);
  expect((await pair.copy(1, { chunkBytes: 10_000 })).rows).toBe(32);
  expect(await contents(pair, pair.dst)).toBe(await contents(pair, pair.src));
  // 9 MiB are 18 as SQL, and the server takes 16.
  await pair.at(pair.src, "UPDATE item SET data = REPEAT(x'00', 9437184) WHERE id = 6");
  const refused = {
    code: "SHARD_ROW_TOO_LARGE",
    message: expect.stringContaining("item with primary key 6"),
  };
  await expect(pair.drain(1)).rejects.toMatchObject(refused);
  await pair.arm(1);
  await expect(pair.copy(1)).rejects.toMatchObject(refused);
});

test("a bucket's rows are purged in chunks, and nobody else's", async () => {
  const pair = await filledPair(900);
  await pair.arm(1);
  await pair.copy(1);
  const at = { bucket: 1, token: TOKEN, states: ["incoming"] as const };
  const base = { clock: systemClock, tables: pair.tables, signal: new AbortController().signal };
  const chunks: number[] = [];
  const { rows } = await purgeBucket({
    ...base,
    on: pair.openDst,
    at,
    onProgress: (done) => chunks.push(done),
  });
  expect(rows).toBe(1440);
  expect(chunks.length).toBeGreaterThan(3);
  expect(await contents(pair, pair.dst)).toBe("");
  const open = purgeBucket({ ...base, on: pair.openSrc, at: { ...at, states: ["gone"] }, log: true });
  await expect(open).rejects.toBeInstanceOf(Superseded);
  await pair.at(pair.src, "UPDATE item SET n = 1 WHERE id < 50");
  await pair.at(pair.src, "UPDATE dcs_bucket SET state = 'gone' WHERE bucket = 1");
  await purgeBucket({ ...base, on: pair.openSrc, at: { ...at, states: ["gone"] }, log: true });
  expect(await pair.at(pair.src, "SELECT COUNT(*) FROM dcs_log; SELECT DISTINCT tenant FROM item")).toBe(
    `0\n${OTHER}`,
  );
});

test("a table may be named as anything in our statements", async () => {
  const pair = await shardPair(server, {
    buckets: BUCKETS,
    tables: ["found", "struck"].map((name) => ({ name, key: "tenant", primaryKey: ["tenant", "id"] })),
    ddl: ["found", "struck"]
      .map(
        (name) => `CREATE TABLE ${name} (tenant BIGINT NOT NULL, id INT NOT NULL, PRIMARY KEY (tenant, id))`,
      )
      .join(";"),
  });
  const write = (id: number) =>
    `INSERT INTO found VALUES (${T}, ${id}); INSERT INTO struck VALUES (${T}, ${id})`;
  await pair.at(pair.src, write(1));
  await pair.arm(1);
  await pair.copy(1);
  await pair.at(pair.src, `${write(2)}; DELETE FROM found WHERE id = 1`);
  expect(await pair.drain(1)).toBe(3);
  expect(await pair.verify(1)).toMatchObject({ rows: 3, differences: [] });
});

test("a mover's transaction holds its row to the end, and a bounded statement gives up in time", async () => {
  const pair = await filledPair(20);
  await pair.arm(1);
  const at = { bucket: 1, token: TOKEN, states: ["incoming"] as const };
  using mover = await pair.openDst();
  using fence = await pair.openDst();
  using probe = await pair.openDst();
  const slow = moverTransaction(mover, at, ["SELECT @dcs_bucket AS b", "SELECT SLEEP(1.5)"]);
  await until(
    async () =>
      (
        await probe.send([
          `SELECT 1 FROM information_schema.processlist WHERE id = ${mover.id} AND info LIKE '%SLEEP%'`,
        ])
      )[0]?.length === 1,
  );
  const begin = performance.now();
  const waits = fence.bounded("SELECT 1 FROM dcs_bucket WHERE bucket = 1 FOR UPDATE", 150);
  await expect(waits).rejects.toSatisfy(isTimeOver);
  expect(performance.now() - begin).toBeLessThan(1200);
  expect(fence.isUsable).toBe(false);
  expect((await slow)[0]).toEqual([{ b: 1 }]);
  expect((await mover.send(["SELECT @dcs_bucket AS b"]))[0]).toEqual([{ b: null }]);
  await expect(
    moverTransaction(mover, { ...at, token: 6 }, ["DELETE FROM dcs_progress"]),
  ).rejects.toBeInstanceOf(Superseded);
  expect(mover.isUsable).toBe(false);
  expect(await pair.at(pair.dst, "SELECT COUNT(*) FROM dcs_progress")).toBe("1");
});

test("during the cut the log is read and struck on the fence, and an empty one still proves the token", async () => {
  const pair = await filledPair(30);
  await pair.arm(1);
  await pair.copy(1);
  await pair.at(pair.src, "UPDATE item SET n = 9 WHERE id < 8");
  using fence = await pair.openSrc();
  await fence.send(["START TRANSACTION", "SELECT state FROM dcs_bucket WHERE bucket = 1 FOR UPDATE"]);
  const sides = sideOf(pair);
  using _src = sides.src;
  using _dst = sides.dst;
  const round = await applyLog({ ...sides, fence });
  expect(round).toMatchObject({ ids: 6, more: false });
  expect(round.keys.map(({ pk }) => pk).sort()).toEqual(["1", "2", "3", "4", "6", "7"]);
  expect((await applyLog({ ...sides, fence, always: true })).ids).toBe(0);
  await pair.at(pair.dst, "UPDATE dcs_bucket SET token = 8 WHERE bucket = 1");
  await expect(applyLog({ ...sides, fence, always: true })).rejects.toBeInstanceOf(Superseded);
  // A fence that is lost brings the log back.
  fence.destroy();
  await until(async () => (await pair.at(pair.src, "SELECT COUNT(*) FROM dcs_log")) === "6");
});

test("what a server took back is done again on another session, and anything else is not", async () => {
  const pair = await filledPair(10);
  const { signal } = new AbortController();
  const lane = new Lane(pair.openDst, systemClock);
  const [one, same] = await Promise.all([lane.session(), lane.session()]);
  expect(one.id).toBe(same.id);
  await using holder = await pair.writer();
  await holder.run("START TRANSACTION; UPDATE note SET text = 'held' WHERE id = 1;");
  let tries = 0;
  const again = await lane.use(async (session) => {
    if (++tries === 1) await session.bounded(`UPDATE ${pair.src}.note SET text = 'late' WHERE id = 1`, 100);
    return session.id;
  }, signal);
  expect(tries).toBe(2);
  expect(again).not.toBe(one.id);
  expect(one.isUsable).toBe(false);
  await holder.run("COMMIT;");
  const broken = lane.use(async (session) => {
    tries++;
    return session.send(["SELECT no_such_column"]);
  }, signal);
  await expect(broken).rejects.toMatchObject({ errno: 1054 });
  expect(tries).toBe(3);
  lane[Symbol.dispose]();
  await expect(lane.session()).rejects.toMatchObject({ failure: "lost" });
});

test("a row that breaks a rule which was made after it is copied all the same", async () => {
  const pair = await filledPair(10);
  for (const database of [pair.src, pair.dst]) {
    await pair.at(
      database,
      "SET check_constraint_checks = 0, foreign_key_checks = 0; ALTER TABLE note ADD CONSTRAINT short CHECK (LENGTH(text) < 3), ADD FOREIGN KEY (id) REFERENCES item (id)",
    );
  }
  await pair.at(
    pair.src,
    `SET check_constraint_checks = 0, foreign_key_checks = 0; INSERT INTO note VALUES (${U}, 5000, 'orphan')`,
  );
  await pair.arm(1);
  await pair.copy(1, { lanes: 2 });
  expect(await contents(pair, pair.dst)).toBe(await contents(pair, pair.src));
});
