import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RouterEvent } from "../../../src/core/shard/router/router-event.ts";
import { ShardRouter, type ShardRouterOptions } from "../../../src/core/shard/router/shard-router.ts";
import { untilLockWaits } from "../../support/lock-waits.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { nothingUntil, type ShardLab, shardLab } from "../../support/shard-lab.ts";
import { until } from "../../support/until.ts";

let server: MariaDb;
let lab: ShardLab;
let a: string;
let b: string;
let events: RouterEvent[];
const routers: ShardRouter[] = [];

beforeAll(async () => {
  server = await startMariaDb();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  lab = await shardLab(server);
  [a, b] = lab.names;
  events = [];
});

afterEach(async () => {
  for (const router of routers.splice(0)) await router.close();
  await lab[Symbol.asyncDispose]();
});

async function open(options: ShardRouterOptions = {}): Promise<ShardRouter> {
  const router = await ShardRouter.open(lab.store, lab.keyspace.name, {
    onEvent: (event) => events.push(event),
    ...options,
  });
  routers.push(router);
  return router;
}

const retries = () => events.filter((event) => event.type === "retry").map(({ why }) => why);
const put = (tenant: number, id: number, note = "x") =>
  [tenant, "INSERT INTO notes (tenant, id, note) VALUES (?, ?, ?)", [tenant, id, note]] as const;
const acked = async () => (await lab.shards.acks()).map(({ revision }) => revision);

/** A router that does not hear of changes of the map by itself. */
async function openDeaf(options: ShardRouterOptions = {}): Promise<ShardRouter> {
  const watch = lab.store.watch.bind(lab.store);
  lab.store.watch = (_prefix, _from, signal) => nothingUntil(signal);
  try {
    const router = await open(options);
    await until(() => events.some(({ type }) => type === "acked"));
    return router;
  } finally {
    lab.store.watch = watch;
  }
}

describe("a router of shards", () => {
  it("reads and writes where the key is, and gives what statements came to", async () => {
    const router = await open();
    const tenant = lab.tenant(3);
    expect(router.locate(tenant)).toMatchObject({ bucket: 3, shard: a, epoch: 1 });
    expect(await router.query(...put(tenant, 1, "it's ? a \\ note"))).toMatchObject({
      affectedRows: 1,
      rows: [],
    });
    expect(await router.query(tenant, "SELECT id, note FROM notes WHERE tenant = ?", [tenant])).toEqual({
      rows: [{ id: 1, note: "it's ? a \\ note" }],
      columns: ["id", "note"],
      affectedRows: 0,
      insertId: 0,
    });
    const big = 2n ** 62n;
    const { rows } = await router.query(tenant, "SELECT CAST(? AS SIGNED) AS big, x'00ff' AS bytes", [big]);
    expect(rows).toEqual([{ big: String(big), bytes: Buffer.from([0, 255]) }]);
    expect(
      await router.query(tenant, "UPDATE notes SET note = 'y' WHERE tenant = ?", [tenant]),
    ).toMatchObject({
      affectedRows: 1,
    });
    // A statement that matches nothing where the bucket is.
    expect(
      await router.query(tenant, "DELETE FROM notes WHERE tenant = ? AND id = 99", [tenant]),
    ).toMatchObject({
      affectedRows: 0,
    });
    expect(retries()).toEqual([]);
  });

  it("rolls back what its function throws, and lets it go on after a duplicate", async () => {
    const router = await open();
    const tenant = lab.tenant(2);
    const odd = new Error("no");
    await expect(
      router.transaction(tenant, async (tx) => {
        await tx.query(put(tenant, 1)[1], put(tenant, 1)[2]);
        throw odd;
      }),
    ).rejects.toBe(odd);
    const seen = await router.transaction(tenant, async (tx) => {
      await tx.query(put(tenant, 2)[1], put(tenant, 2)[2]);
      await expect(tx.query(put(tenant, 2)[1], put(tenant, 2)[2])).rejects.toMatchObject({
        code: "SHARD_CONSTRAINT",
        details: { errno: 1062 },
      });
      // Not awaited: it belongs to the transaction all the same.
      void tx.query(put(tenant, 3)[1], put(tenant, 3)[2]);
      return (await tx.query("SELECT COUNT(*) AS n FROM notes")).rows;
    });
    expect(seen).toEqual([{ n: 2 }]);
    expect(await lab.at(a, "SELECT id FROM notes ORDER BY id")).toBe("2\n3");
  });

  it("hears of a move by itself, acknowledges it, and goes to the new owner", async () => {
    const router = await open();
    const tenant = lab.tenant(1);
    await router.query(...put(tenant, 1));
    const move = await lab.move(1, a, b);
    await move.seal();
    const revision = await move.flip();
    await move.open();
    await until(async () => (await acked())[0] === revision);
    await router.query(...put(tenant, 2));
    expect(retries()).toEqual([]);
    expect(await lab.at(b, "SELECT id FROM notes ORDER BY id")).toBe("1\n2");
  });

  it("is refused with an old map, reads it again, and writes to the new owner once", async () => {
    const router = await openDeaf();
    const tenant = lab.tenant(1);
    await (await lab.move(1, a, b)).all();
    await router.query(...put(tenant, 7));
    expect(retries()).toEqual(["moved"]);
    expect(router.locate(tenant)).toMatchObject({ shard: b, epoch: 2 });
    expect(await lab.at(b, "SELECT id FROM notes")).toBe("7");
    expect(await lab.at(a, "SELECT COUNT(*) FROM notes")).toBe("0");
  });

  it.each([
    ["an UPDATE", "UPDATE notes SET note = 'new' WHERE tenant = ?"],
    ["a DELETE", "DELETE FROM notes WHERE tenant = ?"],
    ["a DELETE that returns rows", "DELETE FROM notes WHERE tenant = ? RETURNING id"],
    [
      "an INSERT … SELECT",
      "INSERT INTO notes (tenant, id) SELECT tenant, id + 100 FROM notes WHERE tenant = ?",
    ],
  ])("notices that %s found nothing at an old owner", async (_, sql) => {
    const router = await openDeaf();
    const tenant = lab.tenant(4);
    await router.query(...put(tenant, 1));
    await (await lab.move(4, a, b)).all();
    const { affectedRows, rows } = await router.query(tenant, sql, [tenant]);
    expect(affectedRows + rows.length).toBe(1);
    expect(retries()).toEqual(["moved"]);
  });

  it("notices a bucket that went away and came back between a statement that found nothing and the guard", async () => {
    const router = await openDeaf();
    const tenant = lab.tenant(4);
    await router.query(...put(tenant, 1));
    const away = await lab.move(4, a, b);
    await away.seal();
    await away.flip();
    await away.open();
    await away.clean();
    let tries = 0;
    await router.transaction(tenant, async (tx) => {
      tries++;
      if (tries === 1) {
        // While it finds nothing, the guard is held up by the lock of the way back, which is done before it gets its turn.
        await using fence = await lab.session(a);
        await fence.run("BEGIN; SELECT * FROM dcs_bucket WHERE bucket = 4 FOR UPDATE;");
        const update = tx.query("UPDATE notes SET note = 'seen' WHERE tenant = ?", [tenant]);
        await untilLockWaits(server, 1);
        await fence.run(
          "UPDATE dcs_bucket SET state = 'owned', epoch = 3 WHERE bucket = 4; SET @dcs_bucket = 4;" +
            `INSERT INTO notes (tenant, id, note) SELECT tenant, id, note FROM ${b}.notes; COMMIT;`,
        );
        await lab.at(b, "UPDATE dcs_bucket SET state = 'gone', epoch = 3, owner = '' WHERE bucket = 4");
        await back();
        await expect(update).rejects.toThrow("owned@3");
        return;
      }
      expect((await tx.query("UPDATE notes SET note = 'seen' WHERE tenant = ?", [tenant])).affectedRows).toBe(
        1,
      );
    });
    expect(tries).toBe(2);
    expect(await lab.at(a, "SELECT note FROM notes")).toBe("seen");

    async function back() {
      const store = await lab.move(4, b, a);
      await store.flip();
    }
  });

  it("acknowledges a map only when what began by an older one has ended", async () => {
    const router = await open();
    const tenant = lab.tenant(5);
    await until(async () => (await acked())[0] === router.map.revision);
    const before = router.map.revision;
    const hold = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const old = router.transaction(tenant, async (tx) => {
      await tx.query("SELECT 1");
      began.resolve();
      await hold.promise;
    });
    await began.promise;
    const move = await lab.move(1, a, b);
    await move.seal();
    const revision = await move.flip();
    await move.open();
    await until(() => router.map.revision === revision);
    // A younger one comes and goes meanwhile.
    await router.query(...put(tenant, 1));
    expect(await acked()).toEqual([before]);
    hold.resolve();
    await old;
    await until(async () => (await acked())[0] === revision);
  });

  it("waits for a sealed bucket, and is done when it opens", async () => {
    const router = await open();
    const tenant = lab.tenant(6);
    const move = await lab.move(6, a, b);
    await move.seal();
    let isDone = false;
    const written = router.query(...put(tenant, 1)).then(() => {
      isDone = true;
    });
    await until(() => retries().length >= 3);
    await move.flip();
    const seen = retries().length;
    await until(() => retries().length > seen);
    expect(isDone).toBe(false);
    await move.open();
    await written;
    expect(await lab.at(b, "SELECT id FROM notes")).toBe("1");
  });

  it("gives a bucket up that stays sealed for longer than it tries again", async () => {
    const router = await open({ retryMs: 300 });
    await (await lab.move(6, a, b)).seal();
    await expect(router.query(...put(lab.tenant(6), 1))).rejects.toMatchObject({
      code: "SHARD_BUCKET_CLOSED",
      message: expect.stringMatching(
        /^bucket 6 was refused on shard lab\d+_a for 300 ms: DCS_MOVED bucket=6 epoch=2/,
      ),
    });
  });

  it("reads a strict SELECT only where the bucket is, and holds it there", async () => {
    const router = await openDeaf();
    const tenant = lab.tenant(4);
    await router.query(...put(tenant, 1));
    await (await lab.move(4, a, b)).all();
    const sql = "SELECT COUNT(*) AS n FROM notes WHERE tenant = ?";
    expect((await router.query(tenant, sql, [tenant])).rows).toEqual([{ n: 0 }]);
    expect((await router.query(tenant, sql, [tenant], { strict: true })).rows).toEqual([{ n: 1 }]);
    await router.transaction(tenant, async (tx) => {
      await tx.query(sql, [tenant], { strict: true });
      await expect(
        lab.at(
          b,
          "SET innodb_lock_wait_timeout = 1; UPDATE dcs_bucket SET state = 'sealed' WHERE bucket = 4",
        ),
      ).rejects.toThrow("Lock wait timeout");
    });
  });

  it("refuses keys of different shards in one transaction, and takes those of one", async () => {
    const router = await open();
    const [here, beside, away] = [lab.tenant(0), lab.tenant(2), lab.tenant(1)];
    await (await lab.move(1, a, b)).all();
    await until(() => router.locate(away).shard === b);
    let calls = 0;
    const work = async () => calls++;
    await expect(router.transaction(here, work, { also: [beside, away] })).rejects.toMatchObject({
      code: "SHARD_KEYS_APART",
      message: expect.stringMatching(/bucket 0 is on shard lab\d+_a, bucket 1 on lab\d+_b/),
    });
    expect(calls).toBe(0);
    await router.transaction(here, work, { also: [beside, here] });
    expect(calls).toBe(1);
  });

  it("looks at every bucket that a transaction may touch when a statement found nothing", async () => {
    const router = await openDeaf();
    const [here, other] = [lab.tenant(0), lab.tenant(2)];
    await (await lab.move(2, a, b)).all();
    const miss = (also: readonly number[]) =>
      router.transaction(here, (tx) => tx.query("DELETE FROM notes WHERE tenant IN (?)", [[here, other]]), {
        also,
      });
    await expect(miss([other])).rejects.toMatchObject({ code: "SHARD_KEYS_APART" });
    expect((await miss([])).affectedRows).toBe(0);
    // A row of a bucket that is not here is refused by its trigger, whatever the transaction said that it touches.
    const reach = router.transaction(here, (tx) =>
      tx.query("INSERT INTO notes (tenant, id) VALUES (?, 1)", [other]),
    );
    await expect(reach).rejects.toMatchObject({
      code: "SHARD_KEYS_APART",
      message: expect.stringContaining("touched a row of bucket 2"),
    });
  });

  it("tries a transaction again that lost a deadlock", async () => {
    const router = await open();
    const [one, two] = [lab.tenant(3), lab.tenant(3, 1)];
    await router.query(...put(one, 1));
    await router.query(...put(two, 1));
    const both = Array.from({ length: 2 }, () => Promise.withResolvers<void>());
    let tries = 0;
    const cross = (mine: number, order: readonly number[]) => {
      let mineTried = 0;
      return router.transaction(one, async (tx) => {
        tries++;
        const first = mineTried++ === 0;
        for (const [place, tenant] of order.entries()) {
          await tx.query("UPDATE notes SET note = CONCAT(note, 'y') WHERE tenant = ?", [tenant]);
          if (first && place === 0) {
            both[mine]?.resolve();
            await both[1 - mine]?.promise;
          }
        }
      });
    };
    await Promise.all([cross(0, [one, two]), cross(1, [two, one])]);
    expect(tries).toBe(3);
    expect(retries()).toEqual(["conflict"]);
    expect(await lab.at(a, "SELECT note FROM notes")).toBe("xyy\nxyy");
  });

  it("says so when every connection is busy for too long, and when a transaction takes too long", async () => {
    const router = await open({ poolSize: 1, waitMs: 200, transactionMs: 1500 });
    const tenant = lab.tenant(3);
    const began = Promise.withResolvers<void>();
    const slow = router.transaction(tenant, async (tx) => {
      await tx.query(...rest(put(tenant, 1)));
      began.resolve();
      await new Promise(() => {});
    });
    slow.catch(() => {});
    await began.promise;
    await expect(router.query(tenant, "SELECT 1")).rejects.toMatchObject({ code: "SHARD_POOL_EXHAUSTED" });
    await expect(slow).rejects.toMatchObject({ code: "SHARD_TRANSACTION_SLOW" });
    expect((await router.query(tenant, "SELECT COUNT(*) AS n FROM notes")).rows).toEqual([{ n: 0 }]);
  });

  it("refuses what it cannot route, and says what a server refused", async () => {
    const router = await open();
    const run = (sql: string, params: readonly string[] = []) => router.query(lab.tenant(3), sql, params);
    for (const sql of [
      "COMMIT",
      "/* x */ DROP TABLE notes",
      "SET autocommit = 0",
      "SELECT @dcs_bucket := 1",
      " ;",
    ]) {
      await expect(run(sql)).rejects.toMatchObject({ code: "SHARD_STATEMENT_REFUSED" });
    }
    await expect(run("SELECT 1; DELETE FROM notes")).rejects.toMatchObject({ code: "USAGE" });
    await expect(run("SELECT ?")).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("1 ?"),
    });
    await expect(run("SELEC 1")).rejects.toMatchObject({ code: "SHARD_STATEMENT_REFUSED" });
    await expect(run("SELECT FROM")).rejects.toMatchObject({
      code: "SHARD_STATEMENT_FAILED",
      details: { errno: 1064 },
    });
    await expect(run("DELETE FROM nothing")).rejects.toMatchObject({ code: "SHARD_STATEMENT_FAILED" });
  });

  it("loses and doubles no write, and tells no miss that is none, while buckets go back and forth", async () => {
    const all = [await openDeaf(), await open(), await open()];
    const tenants = [lab.tenant(1), lab.tenant(2), lab.tenant(1, 1)];
    for (const tenant of tenants) await all[0]?.query(...put(tenant, 0, ""));
    const written = new Map(tenants.map((tenant) => [tenant, 0]));
    let id = 0;
    let isOver = false;
    const writer = async (router: ShardRouter, nth: number) => {
      while (!isOver) {
        const tenant = tenants[(id + nth) % tenants.length] ?? 0;
        const mine = ++id;
        await router.transaction(tenant, async (tx) => {
          // Counts the row of each write once, in the same transaction.
          const update = "UPDATE notes SET note = note + 1 WHERE tenant = ? AND id = 0";
          expect((await tx.query(update, [tenant])).affectedRows).toBe(1);
          await tx.query(put(tenant, mine)[1], put(tenant, mine)[2]);
        });
        written.set(tenant, (written.get(tenant) ?? 0) + 1);
      }
    };
    await lab.at(a, "UPDATE notes SET note = '0'");
    const writers = [...all, ...all].map(writer);
    const working = Promise.all(writers);
    working.catch(() => {});
    const movers = [1, 2].map(async (bucket) => {
      for (const [src, dst] of [
        [a, b],
        [b, a],
        [a, b],
      ] as const) {
        const move = await lab.move(bucket, src, dst);
        await move.seal();
        const revision = await move.flip();
        await move.open();
        await until(async () => (await acked()).every((each) => each >= revision), 30_000);
        await move.clean();
      }
    });
    await Promise.all(movers);
    isOver = true;
    await working;
    for (const [tenant, count] of written) {
      const where = `WHERE tenant = ${tenant}`;
      expect(await lab.at(a, `SELECT COUNT(*) FROM notes ${where}`)).toBe("0");
      const seen = `SELECT COUNT(*) - 1, MAX(IF(id = 0, note + 0, 0)) FROM notes ${where}`;
      expect(await lab.at(b, seen)).toBe(`${count}\t${count}`);
    }
    expect(retries()).toContain("moved");
  });

  it("refuses a database that is not the shard's", async () => {
    const state = await lab.shards.keyspace();
    const shards = state.shards.map((shard) => ({ ...shard, url: shard.url.replace(a, b) }));
    await lab.shards.change(state, { shards });
    const router = await open();
    await expect(router.query(1, "SELECT 1")).rejects.toMatchObject({
      code: "SHARD_SCHEMA_MISMATCH",
      message: expect.stringContaining(`shard ${b} (not ${a})`),
    });
  });
});

function rest<T extends readonly unknown[]>([, ...others]: readonly [unknown, ...T]): T {
  return others as unknown as T;
}
