import { cpSync, renameSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Died } from "../../../src/core/shard/move/move-errors.ts";
import { runMove } from "../../../src/core/shard/move/run-move.ts";
import { shardTarget } from "../../../src/core/shard/shard-url.ts";
import { runProcess } from "../../support/cli.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { type Bucket, eventLog, type MoveWorld, moveWorld } from "../../support/move-world.ts";

/** The source's server, and the target's. */
let first: MariaDb;
let second: MariaDb;
let world: MoveWorld;
let next = 0;

beforeAll(async () => {
  [first, second] = await Promise.all([startMariaDb(), startMariaDb()]);
  world = await moveWorld(first, { second });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await first?.[Symbol.asyncDispose]();
  await second?.[Symbol.asyncDispose]();
});

async function seeded(rows = 20): Promise<Bucket> {
  const bucket = world.bucket(next++);
  await bucket.seed(rows);
  return bucket;
}

/** The runner's process dies at the first time that the move comes to the point. */
async function dieAt(bucket: Bucket, point: string): Promise<void> {
  const failpoint = (name: string) => {
    if (name === point) throw new Died();
  };
  await expect(
    runMove((await resumable(bucket)) ?? (await bucket.claim()), await world.deps({ failpoint })),
  ).rejects.toThrow();
}

async function resumable(bucket: Bucket) {
  return await world.shards.takeOver(bucket.number, await world.runner(), { force: true });
}

async function resume(bucket: Bucket) {
  await using rebalancer = await world.rebalancer();
  const { results } = await rebalancer.resume({ buckets: [bucket.number], force: true });
  return results[0];
}

describe("a target whose disk is full", () => {
  const BIG = 2000;
  const bodies = (bucket: Bucket, from: number, body: string) =>
    `INSERT INTO notes (id, tenant, body) SELECT CONCAT('${bucket.tenant}-', seq), ${bucket.tenant}, ${body} FROM seq_${from}_to_${from + BIG - 1};`;
  const found = (shard: string, bucket: Bucket) =>
    world.at(
      shard,
      `SELECT COUNT(*), SUM(LENGTH(body)), SUM(CRC32(body)) FROM notes WHERE tenant = ${bucket.tenant};`,
    );
  /** How large the files of the target's server may grow, bytes. */
  const limit = async (bytes: string) => {
    const { code, stderr } = await runProcess(
      ["prlimit", `--pid=${second.pid}`, `--fsize=${bytes}:unlimited`],
      {
        env: { PATH: process.env["PATH"] ?? "" },
      },
    );
    expect(code, stderr).toBe(0);
  };

  beforeAll(async () => {
    await second.kill();
    // Its own files are smaller than the limit: only the table grows beyond it.
    await second.startOtherwise({ options: ["--innodb-log-file-size=4M", "--skip-log-bin"] });
  });
  afterAll(async () => {
    await second.kill();
    await second.start();
  });

  it("stops the move and says so; applications go on, and so does the move once there is room", async () => {
    const bucket = world.bucket(next++);
    await world.at(world.names[0], bodies(bucket, 1, "REPEAT(CHAR(97 + seq % 26), 12000)"));
    await limit(String(16 << 20));
    const { events, onEvent } = eventLog();
    const deps = await world.deps({ onEvent, more: { retries: 1 } });
    const stopped = await runMove(await bucket.claim(), deps);
    expect(stopped).toMatchObject({
      outcome: "failed",
      error: { code: "SHARD_FULL", message: expect.stringContaining(world.names[1]) },
    });
    expect(events.filter(({ kind }) => kind === "retry")).toHaveLength(1);
    expect(await bucket.rows()).toEqual([expect.stringMatching(/^(owned|moving)@1$/), "incoming@1"]);
    await world.at(world.names[0], bodies(bucket, BIG + 1, "'written meanwhile'"));
    const before = await found(world.names[0], bucket);
    expect((await resume(bucket))?.error).toMatchObject({ code: "SHARD_FULL" });

    await limit("unlimited");
    expect(await resume(bucket)).toMatchObject({ outcome: "moved", error: null, differences: [] });
    expect(await found(world.names[1], bucket)).toBe(before);
    expect(await world.at(world.names[0], `SELECT COUNT(*) FROM notes WHERE tenant = ${bucket.tenant}`)).toBe(
      "0",
    );
  });
});

describe("a target that is replaced by an older copy of itself", () => {
  it.each([
    ["at another place", true],
    ["at the same place", false],
  ] as const)("%s loses nothing", async (_name, isElsewhere) => {
    const bucket = await seeded(3000);
    await dieAt(bucket, "apply");
    const old = `${second.data}.old`;
    await second.kill();
    cpSync(second.data, old, { recursive: true });
    await second.start();
    for (const id of [1, 2, 2999]) await bucket.put(id, "written since");
    await bucket.remove(5);
    // What was written is on the target, and in no log any more.
    await dieAt(bucket, "verify");
    expect(await world.at(world.names[1], "SELECT COUNT(*) FROM items WHERE v = 'written since'")).toBe("3");
    await second.kill();
    if (isElsewhere) {
      await second.startOtherwise({ data: old });
    } else {
      rmSync(second.data, { recursive: true });
      renameSync(old, second.data);
      await second.start();
    }
    expect(await world.at(world.names[1], "SELECT COUNT(*) FROM items WHERE v = 'written since'")).toBe("0");

    const result = await resume(bucket);
    expect(result).toMatchObject({ outcome: "moved", error: null });
    // Another server: all of it is copied again. One that looks the same: verification finds what it lost, and says so.
    if (isElsewhere) expect(result?.rows).toBeGreaterThanOrEqual(5998);
    expect((result?.differences.length ?? 0) > 0).toBe(!isElsewhere);
    await bucket.settled(world.names[1]);
    await world.at(world.names[1], "UPDATE items SET v = 'seen' WHERE v = 'written since'");
    if (!isElsewhere) return;
    await second.kill();
    rmSync(second.data, { recursive: true });
    renameSync(old, second.data);
    await second.start();
  });
});

describe("a right that is taken away in the middle", () => {
  it.each([
    ["INSERT at the target", 1, "INSERT", "copy"],
    ["DELETE at the target", 1, "DELETE", "take:changed"],
    ["SELECT at the source", 0, "SELECT", "verify"],
    ["DELETE at the source", 0, "DELETE", "clean"],
  ] as const)("stops the move and is named: %s", async (_name, at, right, point) => {
    const bucket = await seeded();
    const server = at === 0 ? first : second;
    const database = world.names[at];
    const user = "'mover'@'127.0.0.1'";
    await Promise.all(
      [first, second].map((each, i) =>
        each.asRoot(
          `CREATE OR REPLACE USER ${user}; GRANT PROCESS ON *.* TO ${user}; GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON ${world.names[i]}.* TO ${user};`,
        ),
      ),
    );
    const target = (shard: Parameters<typeof shardTarget>[0]) => ({
      ...shardTarget(shard, {}),
      user: "mover",
    });
    let isTaken = false;
    const failpoint = async (name: string) => {
      if (name !== point || isTaken) return;
      isTaken = true;
      await server.asRoot(`REVOKE ${right} ON ${database}.* FROM ${user};`);
    };
    const stopped = await runMove(await bucket.claim(), await world.deps({ target, failpoint }));
    expect(stopped).toMatchObject({
      outcome: "failed",
      error: {
        code: "SHARD_AUTH",
        message: expect.stringContaining(database),
        hint: expect.stringContaining(right),
      },
    });
    expect(await bucket.put(1, "applications go on")).toBe(true);
    await server.asRoot(`GRANT ${right} ON ${database}.* TO ${user};`);
    await using rebalancer = await world.rebalancer({ target });
    const { results } = await rebalancer.resume({ buckets: [bucket.number], force: true });
    expect(results).toMatchObject([{ outcome: "moved", error: null }]);
    await bucket.settled(world.names[1]);
  });
});
