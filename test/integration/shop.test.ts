import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runDcs, runProcess } from "../support/cli.ts";
import { engineProgram } from "../support/engines.ts";
import { type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

const SHOP = fileURLToPath(new URL("../../examples/shop/", import.meta.url));
const TABLES = ["tenants", "orders", "items", "oddities"].flatMap((name) => ["--table", `${name}:tenant`]);

let box: Sandbox;
let urls: readonly string[] = [];
beforeAll(async () => {
  for (const program of ["mariadbd", "mariadb-install-db"]) engineProgram(program);
  box = sandbox();
  const up = (await dcs("up", "--only", "mariadb", "--shards", "3", "--json")).json() as {
    data: { servers: { url: string }[] };
  };
  urls = up.data.servers.map(({ url }) => url);
});
afterAll(async () => {
  await dcs("down");
  box?.[Symbol.dispose]();
});

const dcs = (...args: readonly string[]) => runDcs(args, { env: box.env, cwd: box.dir, timeout: 110_000 });
const node = (script: string, ...args: readonly string[]) =>
  runProcess([process.execPath, join(SHOP, script), ...args], {
    env: box.env,
    cwd: box.dir,
    timeout: 110_000,
  });

async function ok(run: Promise<{ code: number | null; stdout: string; stderr: string }>): Promise<string> {
  const { code, stdout, stderr } = await run;
  expect({ code, stderr: code === 0 ? "" : stdout + stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

it("the shop is spread while it is open, with a mover that is killed: every acknowledged write is there once", async () => {
  const record = join(box.dir, "writer.jsonl");
  const seeded = await ok(node("seed.ts", ...urls, "--tenants", "60", "--orders", "2000"));
  expect(JSON.parse(seeded)).toMatchObject({ tenants: 60, orders: 2000, oddities: 18 });
  const shards = urls.flatMap((url, i) => ["--shard", `s${i + 1}=${url}`]);
  await ok(dcs("shard", "init", "shop", "--buckets", "32", ...TABLES, ...shards));
  const [first = ""] = urls;
  const zoo = "SELECT *, ST_AsText(place) FROM oddities ORDER BY tenant, tag, n";
  const before = await zooOf(urls, zoo);

  const store = `embedded:${box.dir}/state/store.db`;
  const writing = node(
    "writer.ts",
    "--record",
    record,
    "--store",
    store,
    "--for",
    "12",
    "--tenants",
    "60",
    "--stale",
    "300",
  );
  await until(() => lines(record) > 50, 30_000);
  const moving = startDcs(box, ["shard", "rebalance", "--yes", "--json"]);
  await until(() => moving.stdout().split('"event":"opened"').length > 4, 60_000);
  moving.process.kill("SIGKILL");
  await moving.done;
  const resumed = await dcs("shard", "resume");
  expect([0, 9]).toContain(resumed.code);
  // Moves and writers going on are nothing that verify would take for a fault.
  const rest = { isOver: false };
  const moved = ok(dcs("shard", "rebalance", "--yes")).finally(() => {
    rest.isOver = true;
  });
  do await ok(dcs("shard", "verify"));
  while (!rest.isOver);
  await moved;
  const written = JSON.parse(await ok(writing));
  expect(written.acknowledged).toBeGreaterThan(100);

  const check = JSON.parse(await ok(node("check.ts", "--record", record, ...urls)));
  expect(check).toMatchObject({ ok: true, acknowledged: written.acknowledged, problems: 0 });
  expect(await ok(dcs("shard", "verify"))).toContain("keyspace shop is as it must be");
  expect(await ok(dcs("shard", "rebalance"))).toBe("balanced\n");
  expect(await zooOf(urls, zoo)).toEqual(before);

  // And the checker can say no.
  await mariadb(first, "DELETE FROM orders WHERE id > 1000000 LIMIT 1");
  const wrong = await node("check.ts", "--record", record, ...urls);
  expect(wrong.code).toBe(99);
  expect(wrong.stderr).toMatch(/tenant .* says \d+ orders/);
});

function lines(path: string): number {
  try {
    return readFileSync(path, "utf8").split("\n").length;
  } catch {
    return 0;
  }
}

async function mariadb(url: string, sql: string): Promise<string> {
  const { port } = new URL(url);
  const args = ["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", `--port=${port}`, "--user=dcs"];
  const { stdout, stderr, code } = await runProcess(
    ["mariadb", ...args, "--batch", "--skip-column-names", "--default-character-set=utf8mb4", "dcs"],
    { input: sql, env: box.env },
  );
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

/** The rows of all servers, as the servers print them. */
async function zooOf(all: readonly string[], sql: string): Promise<readonly string[]> {
  const printed = await Promise.all(all.map((url) => mariadb(url, sql)));
  return printed.flatMap((text) => text.split("\n").filter(Boolean)).toSorted();
}
