// Makes the tables of schema.sql on every server that is named, and fills those of the first one.
//
//   node examples/shop/seed.ts mysql://dcs@127.0.0.1:3306/dcs [URL…] [--tenants 200] [--orders 20000] [--seed 1]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Connection, createConnection } from "mysql2/promise";
import { randomFrom, skewed, tenantNames } from "./kit/random.ts";

const BATCH = 500;
const ODDITIES =
  "oddities (tenant, tag, n, tiny, big, exact, real4, real8, bits, choice, flags, yr, day, span, moment, stamp, padded, words, latin, raw, pile, doc, `odd ``name', 行`)";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tenants: { type: "string", default: "200" },
    orders: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
  },
});
const [first, ...others] = positionals;
if (first === undefined) {
  console.error("give the URL of a server: mysql://dcs@127.0.0.1:3306/dcs");
  process.exit(2);
}
const random = randomFrom(Number(values.seed));
const names = tenantNames(Number(values.tenants));

async function using(url: string, work: (connection: Connection) => Promise<void>): Promise<void> {
  const connection = await createConnection({
    uri: url,
    multipleStatements: true,
    charset: "utf8mb4",
    timezone: "Z",
  });
  try {
    await work(connection);
  } finally {
    await connection.end();
  }
}

async function makeTables(connection: Connection): Promise<void> {
  await connection.query("SET time_zone = '+00:00'");
  await connection.query(readFileSync(new URL("schema.sql", import.meta.url), "utf8"));
}

async function fillTables(connection: Connection): Promise<void> {
  const pick = skewed(names.length, random);
  const orders: unknown[][] = [];
  const items: unknown[][] = [];
  const sums = names.map(() => ({ orders: 0, cents: 0 }));
  for (let id = 1; id <= Number(values.orders); id++) {
    const at = pick();
    const tenant = names[at];
    const sum = sums[at];
    if (sum === undefined) throw new Error("no such tenant");
    const cents = 100 + Math.floor(random() * 50_000);
    sum.orders++;
    sum.cents += cents;
    const note = random() < 0.2 ? `for O'Hara 📦 #${id} \\ "quoted"` : null;
    orders.push([tenant, id, sum.orders, ["open", "paid", "sent"][id % 3], cents, note]);
    const lines = 1 + Math.floor(random() * 3);
    for (let line = 1; line <= lines; line++) {
      items.push([tenant, id, line, `sku-${Math.floor(random() * 500)}`, (random() * 10).toFixed(3), cents]);
    }
  }
  const tenants = names.map((name, i) => [
    name,
    `${name} & Søns 株式会社`,
    ["free", "team", "business"][i % 3],
    sums[i]?.orders,
    sums[i]?.cents,
  ]);
  await insert(connection, "tenants (tenant, name, plan, orders, cents)", tenants);
  await insert(connection, "orders (tenant, id, number, status, cents, note)", orders);
  await insert(connection, "items (tenant, order_id, line, sku, quantity, cents)", items);
  await insert(
    connection,
    ODDITIES,
    names.flatMap((name, i) => (i % 10 === 0 ? oddities(name) : [])),
  );
  await connection.query("UPDATE oddities SET place = ST_GeomFromText('POINT(-0.1 51.5)') WHERE n > 0");
}

/** The ends of what each type can hold, things that look like SQL, and nothing at all. */
function oddities(tenant: string): unknown[][] {
  const zeros = Buffer.from([0, 0, 0, 0]);
  const quotes = Buffer.from([0x27, 0x5c, 0x00, 0xff]);
  const nothing = Array.from({ length: 20 }, () => null);
  return [
    [tenant, zeros, 0, ...nothing],
    [
      tenant,
      quotes,
      1,
      255,
      "18446744073709551615",
      "12345678901234567890123456789012345.123456789012345678901234567891",
      "3.4028234e38",
      "1.7976931348623157e308",
      Buffer.from("ffffffffffffffff", "hex"),
      "a'b",
      "x,y",
      2155,
      "9999-12-31",
      "-838:59:59.999999",
      "9999-12-31 23:59:59.999999",
      "2038-01-19 03:14:07.999999",
      "two  ",
      "'; DROP TABLE orders; -- \\ \u0000 \n 🦄",
      "Größe ½",
      Buffer.from([0, 1, 0x27, 0x5c, 0x1a, 255]),
      Buffer.alloc(10_000, 0x27),
      '{"a": [1, 2.50, null, "\\u00e4"], "b": 18446744073709551615}',
      -1,
    ],
    [
      tenant,
      Buffer.from("Aa  "),
      -32768,
      0,
      "9007199254740993",
      "-0.000000000000000000000000000001",
      "0.1",
      "4.9e-324",
      Buffer.from("0000000000000001", "hex"),
      "ä",
      "x,ü",
      1901,
      "1000-01-01",
      "838:59:59.000001",
      "1000-01-01 00:00:00.000001",
      "1970-01-01 00:00:01.000000",
      "",
      "",
      "",
      Buffer.alloc(0),
      Buffer.from([0]),
      "[]",
      0,
    ],
  ];
}

async function insert(connection: Connection, into: string, rows: readonly unknown[][]): Promise<void> {
  for (let from = 0; from < rows.length; from += BATCH) {
    await connection.query(`INSERT INTO ${into} VALUES ?`, [rows.slice(from, from + BATCH)]);
  }
}

for (const url of others) await using(url, makeTables);
await using(first, async (connection) => {
  await makeTables(connection);
  await fillTables(connection);
  const [rows] = await connection.query(
    "SELECT (SELECT COUNT(*) FROM tenants) AS tenants, (SELECT COUNT(*) FROM orders) AS orders, (SELECT COUNT(*) FROM items) AS items, (SELECT COUNT(*) FROM oddities) AS oddities",
  );
  console.log(JSON.stringify((rows as object[])[0]));
});
