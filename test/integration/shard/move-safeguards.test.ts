import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runMove } from "../../../src/core/shard/move/run-move.ts";
import { newLeaseId } from "../../../src/core/util/ids.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { type Bucket, eventLog, type MoveWorld, moveWorld } from "../../support/move-world.ts";
import { until } from "../../support/until.ts";

let server: MariaDb;
let world: MoveWorld;
let next = 0;

beforeAll(async () => {
  server = await startMariaDb();
  world = await moveWorld(server);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

async function seeded(): Promise<Bucket> {
  const bucket = world.bucket(next++);
  await bucket.seed(30);
  return bucket;
}

function stopAt(point: string) {
  return (name: string) => {
    if (name === point) throw new Error("dies here");
  };
}

describe("a move", () => {
  it("deletes nothing while a live router may still read it there, and says which", async () => {
    const bucket = await seeded();
    const [src, dst] = world.names;
    const holder = { host: "web1", pid: 77, command: "router" };
    const { id } = await world.store.grant({ id: newLeaseId(), ttlMs: 60_000, holder });
    const { revision } = await world.shards.map();
    const ack = (at: number) => world.shards.ack(id, { revision: at, host: "web1", pid: 77, at: Date.now() });
    await ack(revision);
    const { events, onEvent } = eventLog();
    const moving = runMove(await bucket.claim(), await world.deps({ onEvent }));
    await until(() => events.some(({ status }) => status.waiting?.what === "routers"));
    const waiting = events.find(({ kind }) => kind === "waiting")?.status.waiting;
    expect(waiting?.for).toContain("web1 pid 77 (since ");
    expect(await bucket.rows()).toEqual(["gone@2", "owned@2"]);
    expect(await world.at(src, `SELECT COUNT(*) FROM items WHERE tenant = ${bucket.tenant}`)).toBe("30");
    expect(await bucket.put(1, "on the new owner")).toBe(true);
    await ack((await world.shards.map()).revision);
    expect(await moving).toMatchObject({ outcome: "moved" });
    await bucket.settled(dst);
    await world.store.revoke(id);
  });

  it("waits for failover candidates wherever something must not be lost", async () => {
    const bucket = await seeded();
    const [src, dst] = world.names;
    const said: string[] = [];
    const deps = await world.deps({
      candidates: async ({ name }) => void said.push(`candidates of ${name}`),
      failpoint: (name) => {
        if (["cut:drained", "cut:sealed", "flip", "take", "apply", "clean:done", "end:noted"].includes(name))
          said.push(name);
      },
    });
    expect(await runMove(await bucket.claim({ windowMs: 1 }), deps)).toMatchObject({ outcome: "moved" });
    expect(said).toEqual([
      ...[
        "take",
        "apply",
        "cut:drained",
        `candidates of ${dst}`,
        "cut:sealed",
        `candidates of ${src}`,
        "flip",
      ],
      // The window: the old owner is the target of the way back before the new one opens.
      ...["take", `candidates of ${src}`, "apply", "take", "clean:done"],
      ...[`candidates of ${dst}`, `candidates of ${src}`, "end:noted"],
    ]);
    await bucket.settled(dst);
  });

  it.each(["source", "target"])("copies anew when the %s is another server than before", async (side) => {
    const bucket = await seeded();
    const [, dst] = world.names;
    const stop = new AbortController();
    const failpoint = (name: string) => {
      if (name === "apply") stop.abort();
    };
    await runMove(await bucket.claim(), await world.deps({ failpoint, signal: stop.signal }));
    // What a failover loses at the target is in no log any more.
    await world.at(
      dst,
      `SET @dcs_bucket = ${bucket.number}; DELETE FROM items WHERE tenant = ${bucket.tenant} AND id = 3`,
    );
    await world.at(
      dst,
      `UPDATE dcs_progress SET ${side} = 'the one before' WHERE bucket = ${bucket.number} AND tbl = ''`,
    );
    await using rebalancer = await world.rebalancer();
    const { results } = await rebalancer.resume({ buckets: [bucket.number], force: true });
    expect(results).toMatchObject([{ outcome: "moved", rows: 60, differences: [] }]);
    await bucket.settled(dst);
  });

  it("is not in the way of another bucket's long transaction, on either server, nor that in its", async () => {
    const [here, there, moved] = [await seeded(), await seeded(), await seeded()];
    const [src, dst] = world.names;
    expect(await runMove(await there.claim(), await world.deps())).toMatchObject({ outcome: "moved" });
    // Its writes are logged from here on.
    await expect(
      runMove(await here.claim(), await world.deps({ failpoint: stopAt("apply") })),
    ).rejects.toThrow();
    // With REPEATABLE READ it would lock gaps, into which nobody can insert.
    const committed = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;";
    await using atSrc = server.session();
    await using atDst = server.session();
    const change = (bucket: Bucket) =>
      `UPDATE items SET v = 'long' WHERE tenant = ${bucket.tenant} AND id = 12;`;
    await atSrc.run(`USE ${src}; ${committed} BEGIN; ${change(here)}`);
    await atDst.run(
      `USE ${dst}; ${committed} BEGIN; ${change(there)} INSERT INTO items VALUES (${there.tenant}, 5000, 'long');`,
    );
    const began = performance.now();
    const failpoint = async (name: string) => {
      if (name === "copy:done" || name === "verify:done")
        for (let id = 0; id < 5; id++) await moved.put(id, name);
    };
    const result = await runMove(await moved.claim(), await world.deps({ failpoint }));
    expect(result).toMatchObject({ outcome: "moved", error: null });
    expect(performance.now() - began).toBeLessThan(5000);
    await moved.settled(dst);
    await atSrc.run("ROLLBACK;");
    await atDst.run("ROLLBACK;");
  });

  it("mends what is not as it was copied, and says so", async () => {
    const bucket = await seeded();
    const { tenant, number } = bucket;
    const [, dst] = world.names;
    let isDone = false;
    const failpoint = async (name: string) => {
      if (name !== "verify" || isDone) return;
      isDone = true;
      await world.at(
        dst,
        `SET @dcs_bucket = ${number}; UPDATE items SET v = 'bad' WHERE tenant = ${tenant} AND id = 4; DELETE FROM items WHERE tenant = ${tenant} AND id = 5; INSERT INTO items VALUES (${tenant}, 999, 'extra')`,
      );
    };
    const { events, onEvent } = eventLog();
    const result = await runMove(await bucket.claim(), await world.deps({ failpoint, onEvent }));
    const rows = [4, 5, 999].map((id) => `items (${tenant},${id})`);
    expect(result).toMatchObject({ outcome: "moved", error: null });
    expect(result.differences.toSorted()).toEqual(rows);
    expect(events.find(({ kind }) => kind === "different")).toBeDefined();
    await bucket.settled(dst);
  });

  it("stops before its cut when rows never come out the same", async () => {
    const bucket = await seeded();
    const [src, , third] = world.names;
    await world.at(
      third,
      `CREATE TRIGGER other BEFORE INSERT ON items FOR EACH ROW SET NEW.v = IF(NEW.tenant = ${bucket.tenant} AND NEW.id = 7, 'changed', NEW.v)`,
    );
    const runner = await world.runner();
    const held = await world.shards.claim({ bucket: bucket.number, src, dst: third, plan: "p" }, runner);
    const result = await runMove(held, await world.deps());
    expect(result).toMatchObject({ outcome: "failed", error: { code: "SHARD_INCONSISTENT" } });
    expect(result.error?.message).toContain(`items (${bucket.tenant},7)`);
    expect(await bucket.put(7, "applications go on")).toBe(true);
    await using rebalancer = await world.rebalancer();
    const { results } = await rebalancer.abort({ buckets: [bucket.number], force: true });
    expect(results).toMatchObject([{ outcome: "aborted" }]);
    await bucket.settled(src);
    expect(await world.at(third, `SELECT COUNT(*) FROM items WHERE tenant = ${bucket.tenant}`)).toBe("0");
  });
});
