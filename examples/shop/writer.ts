// An application of the shop: many writers at once, through the router, with a map that is kept old on purpose. Every write stands in
// a file before it is sent, and again with what came of it; check.ts compares that with the servers.
//
//   node examples/shop/writer.ts --record /tmp/writer.jsonl --store embedded:/path/to/store.db [--for 30] [--writers 8] [--stale 500]
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { isDcsError, openStore, ShardRouter } from "dcs";
import { lateStore } from "./kit/late-store.ts";
import { randomFrom, skewed, tenantNames } from "./kit/random.ts";
import { type OrderState, Recorder, readRecord } from "./kit/record.ts";

const { values } = parseArgs({
  options: {
    keyspace: { type: "string", default: "shop" },
    store: { type: "string", default: process.env["DCS_STORE"] ?? "embedded:" },
    record: { type: "string" },
    for: { type: "string", default: "30" },
    writers: { type: "string", default: "8" },
    tenants: { type: "string", default: "200" },
    stale: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
  },
});
if (values.record === undefined) {
  console.error("give --record FILE: every write is written down there");
  process.exit(2);
}

/** A router says so of a transaction that did nothing, for certain. */
const REFUSED = [
  "SHARD_BUCKET_CLOSED",
  "SHARD_CONTENDED",
  "SHARD_ROUTER_STALE",
  "SHARD_POOL_EXHAUSTED",
  "SHARD_UNREACHABLE",
  "SHARD_TRANSACTION_SLOW",
  "SHARD_FULL",
] as const;

interface Own {
  readonly tenant: string;
  readonly id: number;
  state: OrderState;
}

type Work = (tx: {
  query(sql: string, params?: readonly (string | number | null)[]): Promise<{ affectedRows: number }>;
}) => Promise<void>;

const tenants = tenantNames(Number(values.tenants));
const before = existsSync(values.record) ? readRecord(values.record) : [];
const record = new Recorder(values.record);
const counts = { acknowledged: 0, refused: 0, unknown: 0, retries: 0 };
const waits: number[] = [];
let nextWrite = Math.max(0, ...before.map(({ n }) => n)) + 1;
let nextOrder =
  Math.max(1_000_000, ...before.flatMap(({ after = {} }) => Object.keys(after).map(Number))) + 1;
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());

class Writer {
  readonly #router: ShardRouter;
  readonly #random: () => number;
  readonly #pick: () => number;
  readonly #own: Own[] = [];

  constructor(router: ShardRouter, seed: number) {
    this.#router = router;
    this.#random = randomFrom(seed);
    this.#pick = skewed(tenants.length, this.#random);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const chance = this.#random();
      const mine = this.#own[Math.floor(this.#random() * this.#own.length)];
      if (mine === undefined || this.#own.length < 5 || chance < 0.3) await this.#place();
      else if (chance < 0.55) await this.#pay(mine);
      else if (chance < 0.7) await this.#swap(mine);
      else if (chance < 0.85) await this.#add(mine);
      else await this.#void(mine);
    }
  }

  /** A new order with its lines, and its tenant's sums. */
  async #place(): Promise<void> {
    const tenant = tenants[this.#pick()] ?? "";
    const id = nextOrder++;
    const quantities = Array.from(
      { length: 1 + Math.floor(this.#random() * 3) },
      () => 1 + Math.floor(this.#random() * 5),
    );
    const items = quantities.reduce((sum, one) => sum + one, 0);
    const state: OrderState = {
      number: id,
      status: "open",
      cents: Math.floor(this.#random() * 10_000),
      note: null,
      items,
    };
    const ok = await this.#write(tenant, { [id]: state }, async (tx) => {
      await tx.query("INSERT INTO orders (tenant, id, number, cents) VALUES (?, ?, ?, ?)", [
        tenant,
        id,
        id,
        state.cents,
      ]);
      for (const [at, quantity] of quantities.entries()) {
        await tx.query(
          "INSERT INTO items (tenant, order_id, line, sku, quantity, cents) VALUES (?, ?, ?, 'sku', ?, 1)",
          [tenant, id, at + 1, quantity],
        );
      }
      await one(
        tx.query("UPDATE tenants SET orders = orders + 1, cents = cents + ? WHERE tenant = ?", [
          state.cents,
          tenant,
        ]),
      );
    });
    if (ok) this.#own.push({ tenant, id, state });
  }

  /** One statement, without a transaction around it; a row that is not there would be a write that was lost. */
  async #pay(order: Own): Promise<void> {
    const { tenant, id } = order;
    const state = { ...order.state, status: "paid", note: `it's №${nextWrite} \\ 🦄` };
    await this.#change(order, state, async (tx) =>
      one(
        tx.query("UPDATE orders SET status = ?, note = ? WHERE tenant = ? AND id = ?", [
          state.status,
          state.note,
          tenant,
          id,
        ]),
      ),
    );
  }

  /** Two orders of a tenant change their numbers, which are unique. */
  async #swap(order: Own): Promise<void> {
    const other = this.#own.find(({ tenant, id }) => tenant === order.tenant && id !== order.id);
    if (other === undefined) return;
    const { tenant } = order;
    const [a, b] = [
      { ...order.state, number: other.state.number },
      { ...other.state, number: order.state.number },
    ];
    const set = "UPDATE orders SET number = ? WHERE tenant = ? AND id = ?";
    const ok = await this.#write(tenant, { [order.id]: a, [other.id]: b }, async (tx) => {
      await one(tx.query(set, [-order.id, tenant, order.id]));
      await one(tx.query(set, [b.number, tenant, other.id]));
      await one(tx.query(set, [a.number, tenant, order.id]));
    });
    if (ok) {
      order.state = a;
      other.state = b;
    } else if (ok === null) this.#forget(order, other);
  }

  /** One more of the first line: INSERT … ON DUPLICATE KEY UPDATE. */
  async #add(order: Own): Promise<void> {
    const { tenant, id } = order;
    await this.#change(order, { ...order.state, items: order.state.items + 1 }, async (tx) => {
      await tx.query(
        "INSERT INTO items (tenant, order_id, line, sku, quantity, cents) VALUES (?, ?, 1, 'sku', 1, 1) ON DUPLICATE KEY UPDATE quantity = quantity + 1",
        [tenant, id],
      );
    });
  }

  async #void(order: Own): Promise<void> {
    const { tenant, id, state } = order;
    const ok = await this.#write(tenant, { [id]: null }, async (tx) => {
      await tx.query("DELETE FROM items WHERE tenant = ? AND order_id = ?", [tenant, id]);
      await one(tx.query("DELETE FROM orders WHERE tenant = ? AND id = ?", [tenant, id]));
      await one(
        tx.query("UPDATE tenants SET orders = orders - 1, cents = cents - ? WHERE tenant = ?", [
          state.cents,
          tenant,
        ]),
      );
    });
    if (ok !== false) this.#forget(order);
  }

  async #change(order: Own, state: OrderState, work: Work): Promise<void> {
    const ok = await this.#write(order.tenant, { [order.id]: state }, work);
    if (ok) order.state = state;
    else if (ok === null) this.#forget(order);
  }

  /** True: it is done. False: it certainly is not. Null: nobody knows, so the order is left alone from now on. */
  async #write(
    tenant: string,
    after: Readonly<Record<string, OrderState | null>>,
    work: Work,
  ): Promise<boolean | null> {
    const n = nextWrite++;
    record.write({ n, is: "try", tenant, after });
    const began = performance.now();
    try {
      await this.#router.transaction(tenant, work);
      waits.push(performance.now() - began);
      record.write({ n, is: "ack" });
      counts.acknowledged++;
      return true;
    } catch (error) {
      const isRefused = isDcsError(error) && REFUSED.some((code) => code === error.code);
      if (!isRefused && !isDcsError(error, "SHARD_OUTCOME_UNKNOWN")) throw error;
      record.write({ n, is: isRefused ? "refused" : "unknown" });
      counts[isRefused ? "refused" : "unknown"]++;
      return isRefused ? false : null;
    }
  }

  #forget(...orders: readonly Own[]): void {
    for (const order of orders) this.#own.splice(this.#own.indexOf(order), 1);
  }
}

async function one(result: Promise<{ readonly affectedRows: number }>): Promise<void> {
  const { affectedRows } = await result;
  if (affectedRows !== 1) throw new Error(`a row that must be there was not: ${affectedRows} rows`);
}

const store = await openStore(values.store, {
  timeoutMs: 10_000,
  stateDir: process.env["DCS_STATE_DIR"] ?? `${process.env["HOME"]}/.local/state/dcs`,
});
const router = await ShardRouter.open(lateStore(store, Number(values.stale)), values.keyspace, {
  onEvent: ({ type }) => {
    if (type === "retry") counts.retries++;
  },
});
const timer = setTimeout(() => stop.abort(), Number(values.for) * 1000);
try {
  const writers = Array.from(
    { length: Number(values.writers) },
    (_, i) => new Writer(router, Number(values.seed) * 1000 + i),
  );
  await Promise.all(writers.map((writer) => writer.run(stop.signal)));
} finally {
  clearTimeout(timer);
  stop.abort();
  await router.close();
  await store.close();
}
waits.sort((a, b) => a - b);
const at = (share: number) => Math.round(waits[Math.floor((waits.length - 1) * share)] ?? 0);
console.log(JSON.stringify({ ...counts, ms: { p50: at(0.5), p99: at(0.99), longest: at(1) } }));
