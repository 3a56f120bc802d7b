import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { currentHolder } from "../../../src/core/process/identity.ts";
import { ShardStore } from "../../../src/core/shard/map/shard-store.ts";
import { openStore } from "../../../src/core/store/open-store.ts";
import { runDcs } from "../../support/cli.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { newShardDatabase, openTestSession, type TestSession } from "../../support/shard-database.ts";
import { type Sandbox, sandbox } from "../../support/start-dcs.ts";

const MAKE =
  "CREATE TABLE orders (tenant INT NOT NULL, id BIGINT NOT NULL AUTO_INCREMENT, note VARCHAR(20), PRIMARY KEY (tenant, id), KEY (id))";
const FILL = "INSERT INTO orders (tenant, note) SELECT seq % 100, 'x' FROM seq_1_to_1000";

let server: MariaDb;
let box: Sandbox;
let urls: readonly string[];
let sessions: readonly TestSession[];

beforeAll(async () => {
  server = await startMariaDb();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  box = sandbox();
  urls = await Promise.all([1, 2, 3].map(() => newShardDatabase(server)));
  sessions = await Promise.all(urls.map(openTestSession));
});

afterEach(() => {
  for (const session of sessions) session[Symbol.dispose]();
  box[Symbol.dispose]();
});

const dcs = (...args: readonly string[]) =>
  runDcs(["shard", ...args], { env: box.env, cwd: box.dir, timeout: 60_000 });
const shard = (name: string, i: number) => ["--shard", `${name}=${urls[i]}`];
const init = (...more: readonly string[]) =>
  dcs(
    "init",
    "shop",
    "--table",
    "orders:tenant",
    "--buckets",
    "64",
    ...shard("a", 0),
    ...shard("b", 1),
    ...more,
  );
const errorOf = (run: Awaited<ReturnType<typeof dcs>>) =>
  run.json()["error"] as { code: string; message: string; hint: string };

/** Everything of a database that dcs could have changed. */
async function pictureOf(session: TestSession | undefined): Promise<string> {
  const tables = (await session?.run("SHOW TABLES")) ?? [];
  const definitions = [];
  for (const table of tables) {
    const [row] = (await session?.run(`SHOW CREATE TABLE ${Object.values(table)[0]}`)) ?? [];
    definitions.push(String(row?.["Create Table"]).replace(/ AUTO_INCREMENT=\d+/, ""));
  }
  const triggers = ((await session?.run("SHOW TRIGGERS")) ?? []).map((row) => ({ ...row, Created: null }));
  return JSON.stringify([definitions, triggers]);
}

const pictures = () => Promise.all(sessions.map(pictureOf));

describe("dcs shard init", () => {
  it("adopts tables with rows, makes those that are missing, and is done when run again", async () => {
    await sessions[0]?.send([MAKE, FILL]);
    const before = await pictures();
    const shown = await init("--dry-run");
    expect([shown.code, shown.stderr]).toEqual([0, expect.stringContaining("looking at shard b")]);
    expect(shown.stdout).toContain("CREATE TRIGGER `dcs_bu_orders`");
    expect(await pictures()).toEqual(before);
    expect((await dcs("add", `c=${urls[2]}`)).code).toBe(6);

    const made = await init("--json");
    expect(made.json()).toMatchObject({
      ok: true,
      data: {
        name: "shop",
        buckets: 64,
        hash: "crc32",
        tables: [{ name: "orders", key: "tenant", primaryKey: ["tenant", "id"] }],
        adopted: "a",
        isNew: true,
        shards: [
          { name: "a", buckets: 64, madeTables: [] },
          { name: "b", buckets: 0, madeTables: ["orders"] },
        ],
      },
    });
    expect(await sessions[0]?.run("SELECT COUNT(*) AS n FROM orders WHERE dcs_bucket IS NOT NULL")).toEqual([
      { n: 1000 },
    ]);
    expect(await sessions[1]?.refusalOf("INSERT INTO orders (tenant) VALUES (1)")).toMatch(
      /^DCS_MOVED .* owner=a$/,
    );

    const after = await pictures();
    const again = (await init("--json")).json();
    expect(again).toMatchObject({
      data: { isNew: false, adopted: null, shards: [{ statements: [] }, { statements: [] }] },
    });
    expect(await pictures()).toEqual(after);
    const other = await init("--json", "--table", "items:tenant");
    expect([other.code, errorOf(other).code]).toEqual([3, "SHARD_KEYSPACE_EXISTS"]);
    expect(errorOf(other).message).toContain("its tables are orders:tenant");
  });

  it("spreads the buckets where all tables are empty, and refuses rows on two shards", async () => {
    await sessions[0]?.run(MAKE);
    await sessions[1]?.run(MAKE);
    await sessions[0]?.run(FILL);
    await sessions[1]?.run(FILL);
    const before = await pictures();
    const twice = await init("--json");
    expect([twice.code, errorOf(twice).code]).toEqual([2, "SHARD_SCHEMA_UNSUITABLE"]);
    expect(errorOf(twice).message).toContain("it has rows in orders, and so has shard a");
    expect(await pictures()).toEqual(before);
    await sessions[0]?.run("DELETE FROM orders");
    await sessions[1]?.run("DELETE FROM orders");
    expect((await init("--json")).json()).toMatchObject({
      data: { adopted: null, shards: [{ buckets: 32 }, { buckets: 32 }] },
    });
    const counts = sessions
      .slice(0, 2)
      .map((session) =>
        session.run("SELECT COUNT(*) AS n FROM dcs_bucket WHERE state = 'owned' AND epoch = 1"),
      );
    expect(await Promise.all(counts)).toEqual([[{ n: 32 }], [{ n: 32 }]]);
  });

  it("changes nothing where something speaks against it, and tells all of it", async () => {
    await sessions[0]?.send([
      "CREATE TABLE orders (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, tenant INT NULL)",
      "CREATE TABLE items (tenant INT NOT NULL) ENGINE = MyISAM",
    ]);
    const before = await pictures();
    const refused = await init("--table", "items:tenant", "--table", "nix:tenant");
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    for (const words of [
      "AUTO_INCREMENT",
      "may be NULL",
      "MyISAM",
      "no primary key",
      "nix: there is no such table",
    ]) {
      expect(refused.stderr.replace("numbered by each server", "AUTO_INCREMENT")).toContain(words);
    }
    const twin = await dcs("init", "shop", "--table", "orders:tenant", ...shard("a", 0), ...shard("b", 0));
    expect(twin.stderr).toContain("it is the same database as shard a");
    expect(await pictures()).toEqual(before);
  });

  it("says which privilege is missing, and goes on from where another one stopped", async () => {
    await sessions[0]?.send([MAKE, FILL]);
    const names = urls.map((url) => new URL(url).pathname.slice(1));
    const rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX";
    await server.asRoot(
      `CREATE USER few@'%'; ${names.map((name) => `GRANT ${rights} ON ${name}.* TO few@'%';`).join(" ")}`,
    );
    urls = urls.map((url) => url.replace("dcs@", "few@"));
    const before = await pictures();
    const refused = await init("--json");
    expect([refused.code, errorOf(refused).hint]).toEqual([
      2,
      `GRANT TRIGGER ON \`${names[0]}\`.* TO that user`,
    ]);
    expect(await pictures()).toEqual(before);
    await server.asRoot(names.map((name) => `GRANT TRIGGER ON ${name}.* TO few@'%';`).join(" "));
    // A transaction that stays open: the table cannot be changed.
    using other = await openTestSession(urls[1]?.replace("few@", "dcs@") ?? "");
    await other.send([MAKE, "START TRANSACTION", "SELECT * FROM orders"]);
    const stopped = await init("--json");
    expect([stopped.code, errorOf(stopped).code]).toEqual([5, "SHARD_UNREACHABLE"]);
    expect(errorOf(stopped).message).toContain("shard b");
    await other.run("ROLLBACK");
    expect((await init("--json")).json()).toMatchObject({ data: { isNew: true, adopted: "a" } });
  });

  it("lets only one of two at once go on", async () => {
    await sessions[0]?.run(MAKE);
    const runs = await Promise.all([init("--json"), init("--json"), init("--json")]);
    const ends = runs.map((run) => (run.code === 0 ? "done" : errorOf(run).code));
    expect(ends).toContain("done");
    expect(ends.filter((end) => end !== "done" && end !== "SHARD_BUSY")).toEqual([]);
    expect((await init("--json")).json()).toMatchObject({
      data: { isNew: false, shards: [{ statements: [] }, { statements: [] }] },
    });
  });
});

describe("dcs shard add", () => {
  it("makes the tables that are missing, and gives the shard no bucket", async () => {
    await sessions[0]?.send([MAKE, FILL]);
    await init();
    const before = await pictures();
    expect((await dcs("add", `c=${urls[2]}`, "--dry-run")).stdout).toContain(
      "CREATE TABLE IF NOT EXISTS `orders`",
    );
    expect(await pictures()).toEqual(before);
    const added = await dcs("add", `c=${urls[2]}`, "--weight", "2", "--zone", "z", "--json");
    expect(added.json()).toMatchObject({
      data: {
        keyspace: "shop",
        model: "a",
        shard: { name: "c", weight: 2, zone: "z", buckets: 0, madeTables: ["orders"] },
      },
    });
    expect(await pictureOf(sessions[2])).toBe(await pictureOf(sessions[1]));
    const [own] =
      (await sessions[2]?.run("SELECT COUNT(*) AS n FROM dcs_bucket WHERE state = 'gone' AND owner = 'a'")) ??
      [];
    expect(own).toEqual({ n: 64 });
    for (const word of [`c=${urls[1]}`, `d=${urls[2]}`]) {
      expect(errorOf(await dcs("add", word, "--json")).code).toBe("SHARD_CHANGED");
    }
    // The same once more makes again what is missing.
    await sessions[2]?.run("DROP TRIGGER dcs_bd_orders");
    expect((await dcs("add", `c=${urls[2]}`)).code).toBe(0);
    expect(await sessions[2]?.run("SHOW TRIGGERS LIKE 'orders'")).toHaveLength(4);
  });

  it("refuses tables that have rows, or are not the same", async () => {
    await sessions[0]?.send([MAKE, FILL]);
    await init();
    await sessions[2]?.send([MAKE.replace("VARCHAR(20)", "TEXT"), FILL]);
    const refused = await dcs("add", `c=${urls[2]}`);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("the column is varchar(20)");
    expect(refused.stderr).toContain("it has rows in orders");
  });
});

describe("dcs shard uninstall", () => {
  it("takes all of it away after a yes, and leaves tables as they were", async () => {
    await sessions[0]?.send([MAKE, FILL]);
    const before = await pictureOf(sessions[0]);
    await init();
    expect(errorOf(await dcs("uninstall", "--json")).code).toBe("CONFIRM_REQUIRED");
    const plan = join(box.dir, "plan.json");
    const shown = await dcs("uninstall", "--dry-run", "--out", plan);
    expect(shown.stdout).toContain("shard    b");
    await sessions[1]?.run("DROP TRIGGER dcs_bu_orders");
    expect(errorOf(await dcs("uninstall", "--plan", plan, "--json")).code).toBe("PLAN_STALE");
    await init();
    expect((await dcs("uninstall", "--plan", plan)).code).toBe(0);
    expect(await pictureOf(sessions[0])).toBe(before);
    expect(await pictureOf(sessions[1])).toBe(before);
    expect(await sessions[0]?.run("SELECT COUNT(*) AS n FROM orders")).toEqual([{ n: 1000 }]);
    expect((await dcs("uninstall", "--yes")).code).toBe(6);
    // All is as if it had never been.
    expect((await init("--json")).json()).toMatchObject({ data: { isNew: true } });
  });

  it("is refused while a bucket moves", async () => {
    await sessions[0]?.send([MAKE, FILL]);
    await init();
    const stateDir = box.env["DCS_STATE_DIR"] ?? "";
    await using store = await openStore("embedded:", { timeoutMs: 10_000, stateDir });
    const lease = await store.grant({ id: "00000000000000aa", ttlMs: 60_000, holder: currentHolder() });
    const runner = { id: "r1", lease: lease.id, host: "here", pid: process.pid };
    const shards = new ShardStore(store, "shop");
    const held = await shards.claim({ bucket: 7, src: "a", dst: "b", plan: "p" }, runner);
    const refused = await dcs("uninstall", "--yes", "--json");
    expect([refused.code, errorOf(refused).code]).toEqual([3, "SHARD_BUSY"]);
    expect(errorOf(refused).message).toContain("bucket 7 from a to b");
    await shards.end(held);
    expect((await dcs("uninstall", "--yes")).code).toBe(0);
  });

  it("names the servers that are left when it cannot clean all of them", async () => {
    await sessions[0]?.send([MAKE, FILL]);
    const before = await pictureOf(sessions[0]);
    await init();
    await sessions[1]?.send(["START TRANSACTION", "SELECT * FROM orders"]);
    const partial = await dcs("uninstall", "--yes", "--json");
    expect([partial.code, partial.json()["data"]]).toEqual([
      7,
      { keyspace: "shop", done: ["a"], left: ["b"] },
    ]);
    expect(errorOf(partial)).toMatchObject({
      code: "PARTIAL",
      hint: "dcs shard uninstall --keyspace shop --shard b=URL",
    });
    await sessions[1]?.run("ROLLBACK");
    expect((await dcs("uninstall", "--keyspace", "shop", ...shard("b", 1), "--yes")).code).toBe(0);
    expect([await pictureOf(sessions[0]), await pictureOf(sessions[1])]).toEqual([before, before]);
  });

  it("cleans a server that the store does not know of, and no other", async () => {
    await sessions[0]?.send([MAKE, FILL]);
    const before = await pictureOf(sessions[0]);
    await init();
    const known = await dcs("uninstall", "--keyspace", "shop", ...shard("a", 0), "--yes", "--json");
    expect(errorOf(known).code).toBe("SHARD_CHANGED");
    const hidden = await dcs("uninstall", "--keyspace", "shop", ...shard("z", 0), "--yes", "--json");
    expect(errorOf(hidden).code).toBe("SHARD_CHANGED");
    // The store is lost.
    box[Symbol.dispose]();
    box = sandbox();
    expect(
      errorOf(await dcs("uninstall", "--keyspace", "other", ...shard("a", 0), "--yes", "--json")).code,
    ).toBe("SHARD_SCHEMA_MISMATCH");
    expect(
      (await dcs("uninstall", "--keyspace", "shop", ...shard("a", 0), ...shard("b", 1), "--yes")).code,
    ).toBe(0);
    expect(await pictureOf(sessions[0])).toBe(before);
    expect(await pictureOf(sessions[1])).toBe(before);
  });
});
