// Proves, or disproves, that every acknowledged write of writer.ts is there exactly once: on the shard that has its bucket, and
// on no other. It asks the servers themselves, and nothing of dcs but the table in which each server says what it may serve.
//
//   node examples/shop/check.ts --record /tmp/writer.jsonl mysql://dcs@127.0.0.1:3306/dcs URL…
import { parseArgs } from "node:util";
import { type Connection, createConnection } from "mysql2/promise";
import { type Entry, type OrderState, readRecord } from "./kit/record.ts";
import { Truth } from "./kit/truth.ts";

const TABLES = ["tenants", "orders", "items", "oddities"];
const WRITABLE = new Set(["owned", "moving"]);

type Row = Readonly<Record<string, unknown>>;

const { values, positionals: urls } = parseArgs({
  allowPositionals: true,
  options: { record: { type: "string", multiple: true } },
});
if (urls.length === 0 || values.record === undefined) {
  console.error("give --record FILE and the URL of every shard: mysql://dcs@127.0.0.1:3306/dcs");
  process.exit(2);
}

const problems: string[] = [];
const connections: Connection[] = [];
for (const uri of urls) {
  connections.push(
    await createConnection({
      uri,
      charset: "utf8mb4",
      timezone: "Z",
      supportBigNumbers: true,
      bigNumberStrings: true,
    }),
  );
}
const found = await readOrders();
const counts = { acknowledged: 0, refused: 0, unknown: 0, orders: 0, rows: await checkPlaces() };
for (const path of values.record) checkRecord(readRecord(path));
await checkSums();
for (const connection of connections) await connection.end();

for (const problem of problems.slice(0, 20)) console.error(problem);
console.log(JSON.stringify({ ok: problems.length === 0, ...counts, problems: problems.length }));
process.exitCode = problems.length === 0 ? 0 : 99;

/** Every order of every server, by tenant and id; more than one place is a problem by itself. */
async function readOrders(): Promise<ReadonlyMap<string, OrderState>> {
  const all = new Map<string, OrderState>();
  for (const connection of connections) {
    const rows = await ask(
      connection,
      `SELECT o.tenant, o.id, o.number, o.status, o.cents, o.note, IFNULL(SUM(i.quantity), 0) AS items
         FROM orders o LEFT JOIN items i ON i.tenant = o.tenant AND i.order_id = o.id
        GROUP BY o.tenant, o.id`,
    );
    for (const row of rows) {
      const key = `${row["tenant"]}/${row["id"]}`;
      if (all.has(key)) problems.push(`order ${key} is on more than one shard`);
      all.set(key, {
        number: Number(row["number"]),
        status: String(row["status"]),
        cents: Number(row["cents"]),
        note: row["note"] === null ? null : String(row["note"]),
        items: Number(row["items"]),
      });
    }
  }
  return all;
}

/** No row stands where its bucket may not be written, and no bucket may be written on two shards. Returns the number of rows. */
async function checkPlaces(): Promise<number> {
  let total = 0;
  const owners = new Map<number, string>();
  for (const [i, connection] of connections.entries()) {
    const states = new Map<number, string>();
    for (const row of await ask(connection, "SELECT bucket, state FROM dcs_bucket")) {
      states.set(Number(row["bucket"]), String(row["state"]));
      if (!WRITABLE.has(String(row["state"]))) continue;
      const bucket = Number(row["bucket"]);
      const other = owners.get(bucket);
      if (other !== undefined)
        problems.push(`bucket ${bucket} may be written on ${other} and on ${shown(i)}`);
      owners.set(bucket, shown(i));
    }
    for (const table of TABLES) {
      const sql = `SELECT dcs_bucket AS bucket, COUNT(*) AS n FROM ${table} GROUP BY dcs_bucket`;
      for (const row of await ask(connection, sql)) {
        const state = states.get(Number(row["bucket"])) ?? "not known";
        if (WRITABLE.has(state)) total += Number(row["n"]);
        else
          problems.push(
            `${shown(i)}: ${row["n"]} rows of bucket ${row["bucket"]} in ${table}, where it is ${state}`,
          );
      }
    }
  }
  return total;
}

/** Each order is what it may be. */
function checkRecord(entries: readonly Entry[]): void {
  const tries = new Map<number, Entry>();
  const truth = new Truth<OrderState>();
  const fates = new Map(
    entries.flatMap((entry) => (entry.is === "try" ? [] : [[entry.n, entry.is] as const])),
  );
  for (const entry of entries) if (entry.is === "try") tries.set(entry.n, entry);
  for (const [n, { tenant, after = {} }] of tries) {
    const fate = fates.get(n) ?? "unknown";
    if (fate === "ack") counts.acknowledged++;
    else if (fate === "refused") counts.refused++;
    else counts.unknown++;
    if (fate === "refused") continue;
    for (const [id, state] of Object.entries(after)) {
      if (fate === "ack") truth.acknowledged(`${tenant}/${id}`, state);
      else truth.unknown(`${tenant}/${id}`, state);
    }
  }
  for (const [key, states] of truth.all) {
    counts.orders++;
    const is = found.get(key) ?? null;
    if (states.some((state) => same(state, is))) continue;
    const may = states.map((state) => JSON.stringify(state)).join(" or ");
    problems.push(`order ${key} is ${JSON.stringify(is)}, and must be ${may}`);
  }
}

/** Every write to an order adds to its tenant in the same transaction: one that was done twice or by half shows here. */
async function checkSums(): Promise<void> {
  for (const [i, connection] of connections.entries()) {
    const wrong = await ask(
      connection,
      `SELECT t.tenant, t.orders, t.cents, COUNT(o.id) AS n, IFNULL(SUM(o.cents), 0) AS total
         FROM tenants t LEFT JOIN orders o ON o.tenant = t.tenant
        GROUP BY t.tenant HAVING t.orders <> n OR t.cents <> total`,
    );
    for (const { tenant, orders, cents, n, total } of wrong) {
      problems.push(
        `${shown(i)}: tenant ${tenant} says ${orders} orders and ${cents} cents, and has ${n} and ${total}`,
      );
    }
  }
}

async function ask(connection: Connection, sql: string): Promise<readonly Row[]> {
  const [rows] = await connection.query(sql);
  return rows as readonly Row[];
}

function shown(i: number): string {
  const { host, pathname } = new URL(urls[i] ?? "");
  return `${host}${pathname}`;
}

function same(a: OrderState | null, b: OrderState | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.number === b.number &&
    a.status === b.status &&
    a.cents === b.cents &&
    a.note === b.note &&
    Math.abs(a.items - b.items) < 0.0005
  );
}
