import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import { type MariaDb, startMariaDb } from "../support/mariadb.ts";
import { type ShardLab, shardLab } from "../support/shard-lab.ts";

let server: MariaDb;
let lab: ShardLab;
let key: string;

beforeAll(async () => {
  server = await startMariaDb();
  lab = await shardLab(server);
  key = String(lab.tenant(3));
});

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const dcs = (args: readonly string[], input = "") =>
  runDcs(["shard", ...args], { env: { DCS_STATE_DIR: lab.stateDir }, input });
const exec = (args: readonly string[], input?: string) => dcs(["exec", "--key", key, ...args], input);

describe("dcs shard exec", () => {
  it("writes and reads through the router, from the argument and from stdin", async () => {
    const sql = "INSERT INTO notes (tenant, id, note) VALUES (?, ?, ?)";
    const written = await exec([sql, "--param", key, "--param", "1", "--param", "it's"]);
    expect(written).toMatchObject({ code: 0, stdout: `1 row on shard ${lab.names[0]}\n` });
    const read = await exec(["-", "--strict"], "SELECT id, note, NULL AS gone FROM notes");
    expect(read).toMatchObject({ code: 0, stdout: "id  note  gone\n1   it's  NULL\n" });
    const document = (await exec(["SELECT id, x'00ff' AS bytes FROM notes WHERE id = 9", "--json"])).json();
    expect(document).toMatchObject({
      schema: "dcs.shard.exec/1",
      data: { bucket: 3, shard: lab.names[0], epoch: 1, columns: ["id", "bytes"], rows: [], affectedRows: 0 },
    });
    expect((await exec(["SELECT 1 AS n", "-o", "name"])).stdout).toBe("1\n");
    // It leaves nothing behind that a mover would wait for.
    expect(await lab.shards.acks()).toEqual([]);
  });

  it.each([
    ["a wrong syntax", ["SELECT FROM"], 2, "SHARD_STATEMENT_FAILED"],
    ["a duplicate", ["INSERT INTO notes (tenant, id) VALUES (?, 1)", "--param", "5"], 3, "SHARD_CONSTRAINT"],
    ["DDL", ["DROP TABLE notes"], 2, "SHARD_STATEMENT_REFUSED"],
    ["too few parameters", ["SELECT ?"], 2, "USAGE"],
    ["an unknown keyspace", ["SELECT 1", "-k", "other"], 6, "SHARD_KEYSPACE_UNKNOWN"],
  ])("says what is wrong with %s", async (what, args, code, name) => {
    if (what === "a duplicate") {
      await exec(["INSERT IGNORE INTO notes (tenant, id) VALUES (?, 1)", "--param", key]);
      args = [args[0] ?? "", "--param", key];
    }
    const run = await exec([...args, "--json"]);
    expect(run.code).toBe(code);
    expect(run.json()).toMatchObject({ ok: false, error: { code: name } });
  });

  it("needs a key and a statement", async () => {
    for (const args of [["exec", "SELECT 1"], ["locate"]]) {
      const run = await dcs(args);
      expect(run).toMatchObject({ code: 2, stdout: "" });
      expect(run.stderr).toMatch(/^error USAGE: .*(key|sql)/i);
    }
  });

  it("tells a bucket that stays closed, and a server that is down, by their codes", async () => {
    const other = await shardLab(server);
    await using closed = other;
    await (await closed.move(5, ...closed.names)).seal();
    const run = (args: readonly string[], env = {}) =>
      runDcs(["shard", ...args], { env: { DCS_STATE_DIR: closed.stateDir, ...env } });
    const sql = `INSERT INTO notes (tenant, id) VALUES (${closed.tenant(5)}, 1)`;
    const refused = await run(["exec", "--key", String(closed.tenant(5)), sql, "--wait", "200ms"]);
    expect(refused).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("error SHARD_BUCKET_CLOSED: bucket 5"),
    });

    const state = await closed.shards.keyspace();
    const shards = state.shards.map((shard) => ({ ...shard, url: "mysql://dcs:se%24cret@127.0.0.1:1/x" }));
    await closed.shards.change(state, { shards });
    const down = await run(["exec", "--key", "1", "SELECT 1"]);
    expect(down).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("error SHARD_UNREACHABLE: shard"),
    });
    expect(down.stderr).not.toContain("cret");
    expect((await run(["locate", "1", "--check"])).code).toBe(5);
    expect((await run(["locate", "1"])).code).toBe(0);
    const wide = await run(["ls", closed.keyspace.name, "-o", "wide"]);
    expect(wide.stdout).toContain("mysql://dcs:***@127.0.0.1:1/x");

    const secret = state.shards.map((shard) => ({ ...shard, url: `mysql://\${NO_SUCH_USER}@127.0.0.1:1/x` }));
    await closed.shards.change(await closed.shards.keyspace(), { shards: secret });
    const unset = await run(["exec", "--key", "1", "SELECT 1"]);
    expect(unset).toMatchObject({ code: 2, stderr: expect.stringContaining("NO_SUCH_USER is not set") });
  });
});

describe("dcs shard locate and ls", () => {
  it("says how a key comes to its shard, and what the servers say", async () => {
    const { stdout } = await dcs(["locate", key, "--check"]);
    const [a, b] = lab.names;
    expect(stdout).toMatch(new RegExp(`^${key} → crc [0-9a-f]{8} → bucket 3 of 8 → ${a}@1\n`));
    expect(stdout).toContain(`${a} says owned@1\n${b} says gone@0\n`);
    expect((await dcs(["locate", key, "-o", "name"])).stdout).toBe(`${a}\n`);
    const { data } = (await dcs(["locate", key, "--json"])).json() as { data: object };
    expect(data).toMatchObject({
      crc: stdout.split(" ")[3],
      bucket: 3,
      shard: a,
      epoch: 1,
      move: null,
      servers: null,
    });
  });

  it("lists keyspaces, and the shards of one with what they have", async () => {
    const [a, b] = lab.names;
    expect((await dcs(["ls"])).stdout).toContain(`${lab.keyspace.name}`);
    const { stdout } = await dcs(["ls", lab.keyspace.name]);
    expect(stdout).toMatch(new RegExp(`^${a} +active +8 +100.0% +50.0% +1 +-$`, "m"));
    const move = await lab.move(2, a, b);
    const { data } = (await dcs(["ls", lab.keyspace.name, "--json"])).json() as { data: object };
    expect(data).toMatchObject({
      shards: [
        { name: a, buckets: 8, leaving: 1 },
        { name: b, buckets: 0, arriving: 1 },
      ],
    });
    expect((await dcs(["locate", String(lab.tenant(2))])).stdout).toContain(`on its way from ${a} to ${b}`);
    await move.all();
    expect((await dcs(["ls", "nothing"])).code).toBe(6);
    const byName = await dcs(["ls", lab.keyspace.name]);
    expect((await dcs(["ls", "--keyspace", lab.keyspace.name])).stdout).toBe(byName.stdout);
    expect(await dcs(["ls", lab.keyspace.name, "--keyspace", "nothing"])).toMatchObject({ code: 2 });
  });

  it("says that there is no keyspace, and how to make one", async () => {
    expect(await runDcs(["shard", "ls"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("dcs shard init"),
    });
    expect(await runDcs(["shard", "exec", "--key", "1", "SELECT 1"])).toMatchObject({ code: 6 });
  });
});
