import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runMove } from "../../../src/core/shard/move/run-move.ts";
import { shardTarget } from "../../../src/core/shard/shard-url.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
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

async function seeded(rows = 20): Promise<Bucket> {
  const bucket = world.bucket(next++);
  await bucket.seed(rows);
  return bucket;
}

/** Rows of `notes` by a key that is unique over all buckets. */
const add = (id: string, { tenant }: Bucket) =>
  world.at(world.names[0], `INSERT INTO notes (id, tenant, body) VALUES ('${id}', ${tenant}, '${id}')`);
const give = (id: string, { tenant }: Bucket) => `UPDATE notes SET tenant = ${tenant} WHERE id = '${id}';`;
const ownerOf = (shard: string, id: string) =>
  world.at(shard, `SELECT GROUP_CONCAT(tenant) FROM notes WHERE id = '${id}'`);

/** Stops at its first passing until it is opened. */
function gate(point: string) {
  const opened = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const failpoint = async (name: string) => {
    if (name !== point) return;
    reached.resolve();
    await opened.promise;
  };
  return { open: opened.resolve, reached: reached.promise, failpoint };
}

describe("a row whose key an old row of another bucket has at the target", () => {
  it("is waited for while that bucket is on its way too, and it is no failure", async () => {
    const [one, other] = [await seeded(), await seeded()];
    const [a, b] = world.names;
    await add("shared", other);
    const copied = gate("verify:done");
    const second = runMove(await other.claim(), await world.deps({ failpoint: copied.failpoint }));
    await copied.reached;
    await world.at(a, give("shared", one));
    const { events, onEvent } = eventLog();
    const first = runMove(await one.claim(), await world.deps({ onEvent, more: { retries: 0 } }));
    await until(() =>
      events.some(({ status, kind }) => kind === "done" || status.waiting?.what === "bucket"),
    );
    const waited = events.find(({ status }) => status.waiting?.what === "bucket")?.status.waiting;
    copied.open();
    expect(await first).toMatchObject({ outcome: "moved", error: null });
    expect(waited?.for).toBe(
      `bucket ${other.number}, whose old row has the same key, to be moved or cleaned`,
    );
    expect(await second).toMatchObject({ outcome: "moved", error: null });
    expect(events.filter(({ kind }) => kind === "retry")).toEqual([]);
    expect(await ownerOf(b, "shared")).toBe(String(one.tenant));
  });

  it("is waited for by both of two buckets that changed rows with each other", async () => {
    const [one, other] = [await seeded(), await seeded()];
    const [a, b] = world.names;
    await add("x", one);
    await add("y", other);
    const gates = [gate("verify:done"), gate("verify:done")] as const;
    const moving = [one, other].map(async (bucket, i) =>
      runMove(await bucket.claim(), await world.deps({ failpoint: gates[i === 0 ? 0 : 1].failpoint })),
    );
    await Promise.all(gates.map(({ reached }) => reached));
    await world.at(a, `${give("x", other)} ${give("y", one)}`);
    for (const { open } of gates) open();
    for (const result of await Promise.all(moving)) {
      expect(result).toMatchObject({ outcome: "moved", error: null });
    }
    expect([await ownerOf(b, "x"), await ownerOf(b, "y")]).toEqual([
      String(other.tenant),
      String(one.tenant),
    ]);
  });

  it("stops the move where no move takes that row away, and says which buckets they are", async () => {
    const [one, other] = [await seeded(), await seeded()];
    const [, b] = world.names;
    await add("left", one);
    await world.at(
      b,
      `SET @dcs_bucket = ${other.number}; INSERT INTO notes (id, tenant, body) VALUES ('left', ${other.tenant}, 'old')`,
    );
    const result = await runMove(await one.claim(), await world.deps({ more: { retries: 0 } }));
    expect(result).toMatchObject({
      outcome: "failed",
      error: { code: "SHARD_MOVE_STUCK", hint: expect.stringContaining("dcs shard verify") },
    });
    expect(result.error?.message).toContain(`bucket ${one.number} cannot go on`);
    expect(result.error?.message).toContain(`a row of bucket ${other.number} on ${b}`);
    await world.at(b, `SET @dcs_bucket = ${other.number}; DELETE FROM notes WHERE id = 'left'`);
    await using rebalancer = await world.rebalancer();
    const { results } = await rebalancer.resume({ buckets: [one.number], force: true });
    expect(results).toMatchObject([{ outcome: "moved", error: null }]);
  });
});

describe("writers who are faster than the move", () => {
  it("are told of, and the signal ends it", async () => {
    const bucket = await seeded(1000);
    const [a, b] = world.names;
    const stop = new AbortController();
    const { events, onEvent } = eventLog();
    let rounds = 0;
    const failpoint = async (name: string) => {
      if (name !== "copy:done" && name !== "apply:round") return;
      if (++rounds > 60) return stop.abort();
      await world.at(a, `UPDATE items SET v = '${rounds}' WHERE tenant = ${bucket.tenant}`);
    };
    // Half a minute is over in a moment.
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 1000 };
    const onHeard: typeof onEvent = (event) => {
      onEvent(event);
      if (event.status.waiting?.what === "backlog") stop.abort();
    };
    const deps = await world.deps({ failpoint, onEvent: onHeard, clock, signal: stop.signal });
    expect(await runMove(await bucket.claim(), deps)).toMatchObject({ outcome: "stopped" });
    const waited = events.find(({ status }) => status.waiting?.what === "backlog")?.status.waiting;
    expect(waited?.for).toMatch(/^writes to the bucket come faster than .*: \d{3,} rows behind, \d+\/s$/);
    for (const [id] of bucket.truth) await bucket.remove(id);
    await using rebalancer = await world.rebalancer();
    const { results } = await rebalancer.resume({ buckets: [bucket.number], force: true });
    expect(results).toMatchObject([{ outcome: "moved", error: null }]);
    await bucket.settled(b);
  });
});

describe("a user who may not change triggers, to whom they are not shown", () => {
  it("is told which right that is, before and in the middle of a move", async () => {
    const bucket = await seeded();
    const [a, b] = world.names;
    const user = "'few'@'127.0.0.1'";
    const rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX";
    await server.asRoot(
      `CREATE USER ${user}; GRANT PROCESS ON *.* TO ${user}; ${[a, b].map((name) => `GRANT ${rights} ON ${name}.* TO ${user};`).join(" ")}`,
    );
    const target = (shard: Parameters<typeof shardTarget>[0]) => ({ ...shardTarget(shard, {}), user: "few" });
    const lacking = {
      code: "SHARD_AUTH",
      message: expect.stringMatching(/does not show .*lacks TRIGGER on database/),
      hint: expect.stringMatching(/^GRANT TRIGGER ON `\w+`\.\* TO that user/),
    };
    await using rebalancer = await world.rebalancer({ target });
    const wanted = [{ bucket: bucket.number, src: a, dst: b }];
    await expect(rebalancer.run(wanted, "p")).rejects.toMatchObject(lacking);
    const stopped = await runMove(await bucket.claim(), await world.deps({ target }));
    expect(stopped).toMatchObject({ outcome: "failed", error: lacking });
    await server.asRoot([a, b].map((name) => `GRANT TRIGGER ON ${name}.* TO ${user};`).join(" "));
    const { results } = await rebalancer.resume({ buckets: [bucket.number], force: true });
    expect(results).toMatchObject([{ outcome: "moved", error: null }]);
    await bucket.settled(b);
  });
});
