import { lateStore } from "../../../../examples/shop/kit/late-store.ts";
import { MysqlConnection } from "../../../../src/core/mysql/mysql-connection.ts";
import { isMysqlError } from "../../../../src/core/mysql/mysql-error.ts";
import { parseMysqlUrl } from "../../../../src/core/mysql/mysql-url.ts";
import { bucketOf, type ShardMap } from "../../../../src/core/shard/keyspace.ts";
import { ShardStore } from "../../../../src/core/shard/map/shard-store.ts";
import { MOVED_ERRNO } from "../../../../src/core/shard/names.ts";
import { ShardRouter, type ShardRouterOptions } from "../../../../src/core/shard/router/shard-router.ts";
import { openStore } from "../../../../src/core/store/open-store.ts";
import type { Store } from "../../../../src/core/store/store.ts";
import { systemClock } from "../../../../src/core/util/clock.ts";
import { seededRandom } from "../../../../src/core/util/seeded-random.ts";
import { runDcs } from "../../../support/cli.ts";
import type { MariaDb } from "../../../support/mariadb.ts";
import { type Sandbox, sandbox } from "../../../support/start-dcs.ts";
import { Book, type Fate } from "./book.ts";
import { type BankClient, type Broken, RawClient, RouterClient } from "./clients.ts";
import { CutOffStore } from "./cut-off-store.ts";
import { BANK_DDL, rowKey, rowText } from "./tables.ts";
import { Teller } from "./teller.ts";

/** The fourth shard is a database without tables at first. */
const SHARDS = ["s1", "s2", "s3", "s4"] as const;
const TABLES = ["accounts:tenant", "docs:tenant", "totals:tenant", "ledger:tenant"];

let banks = 0;

/** A keyspace `bank` over three databases of a server, each a shard, and its writers. */
export class Bank implements AsyncDisposable {
  readonly book = new Book();
  readonly store: Store;
  readonly shards: ShardStore;
  readonly box: Sandbox;
  /** By name of the shard. */
  readonly urls: Readonly<Record<string, string>>;
  readonly cutOff: CutOffStore;
  /** By bucket. */
  readonly tenants: readonly (readonly number[])[];
  readonly #random: () => number;
  readonly #firstMap: ShardMap;
  readonly #clients: BankClient[] = [];
  readonly #routers: ShardRouter[] = [];
  readonly #stop = new AbortController();
  readonly #work: Promise<void>[] = [];

  static async open(
    server: MariaDb,
    { seed, buckets, tenants }: { readonly seed: number; readonly buckets: number; readonly tenants: number },
  ): Promise<Bank> {
    const box = sandbox();
    const prefix = `bank${++banks}_`;
    const urls = Object.fromEntries(
      SHARDS.map((name) => [name, `mysql://dcs@127.0.0.1:${server.port}/${prefix}${name}`]),
    );
    for (const name of SHARDS) {
      const ddl = name === "s4" ? "" : `USE ${prefix}${name}; ${BANK_DDL}`;
      await server.run(`CREATE DATABASE ${prefix}${name} CHARACTER SET utf8mb4; ${ddl}`);
    }
    const words = [
      ...["init", "bank", "--buckets", String(buckets), "--unique", "docs.PRIMARY"],
      ...TABLES.map((table) => `--table=${table}`),
      ...SHARDS.slice(0, 3).map((name) => `--shard=${name}=${urls[name]}`),
    ];
    const made = await runDcs(["shard", ...words], { env: box.env, cwd: box.dir, timeout: 60_000 });
    if (made.code !== 0) throw new Error(made.stdout + made.stderr);
    const store = await openStore(`embedded:${box.dir}/state/store.db`, {
      timeoutMs: 10_000,
      stateDir: `${box.dir}/state`,
    });
    const map = await new ShardStore(store, "bank").map();
    const groups = Array.from({ length: buckets }, (): number[] => []);
    for (let tenant = 1; tenant <= tenants; tenant++) groups[bucketOf(tenant, buckets)]?.push(tenant);
    for (const name of SHARDS.slice(0, 3)) {
      const own = groups.filter((_, bucket) => map.owners[bucket]?.shard === name).flat();
      const rows = own.map((tenant) => `(${tenant}, 0, 0)`).join(", ");
      if (rows !== "")
        await server.run(`INSERT INTO ${prefix}${name}.totals (tenant, n, cents) VALUES ${rows}`);
    }
    return new Bank({ box, store, urls, map, groups, seed });
  }

  private constructor(from: {
    readonly box: Sandbox;
    readonly store: Store;
    readonly urls: Readonly<Record<string, string>>;
    readonly map: ShardMap;
    readonly groups: readonly (readonly number[])[];
    readonly seed: number;
  }) {
    this.box = from.box;
    this.store = from.store;
    this.shards = new ShardStore(from.store, "bank");
    this.cutOff = new CutOffStore(from.store);
    this.urls = from.urls;
    this.tenants = from.groups;
    this.#firstMap = from.map;
    this.#random = seededRandom(from.seed);
  }

  /** Writers over a router of their own. */
  async viaRouter(
    tellers: number,
    {
      lateMs = 0,
      cutOff = false,
      dawdleMs = 0,
      ...options
    }: ShardRouterOptions & {
      /** It hears of changes so much later. */
      readonly lateMs?: number;
      /** It is cut off from the store where `cutOff` says so. */
      readonly cutOff?: boolean;
      readonly dawdleMs?: number;
    } = {},
  ): Promise<void> {
    const store = cutOff ? this.cutOff.store : lateMs > 0 ? lateStore(this.store, lateMs) : this.store;
    const router = await ShardRouter.open(store, "bank", { poolSize: tellers + 1, ...options });
    this.#routers.push(router);
    for (let i = 0; i < tellers; i++) this.#start(new RouterClient(router), dawdleMs);
  }

  /** Writers who know nothing but the map of the beginning, and errno 31001. */
  raw(
    tellers: number,
    { broken, dawdleMs = 0 }: { readonly broken?: Broken; readonly dawdleMs?: number } = {},
  ): void {
    const { owners } = this.#firstMap;
    const bucket = (tenant: number) => bucketOf(tenant, owners.length);
    const names: readonly string[] = SHARDS;
    const options = {
      targets: SHARDS.map((name) => parseMysqlUrl(this.urls[name] ?? "")),
      home: (tenant: number) => names.indexOf(owners[bucket(tenant)]?.shard ?? ""),
      ...(broken && { broken: { how: broken, bucket } }),
    };
    for (let i = 0; i < tellers; i++) this.#start(new RawClient(options), dawdleMs);
  }

  /** All of them come to the end of what they do. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.cutOff.isCut = false;
    await Promise.all(this.#work);
  }

  /** One row more in a bucket, sent to its owner by the map. How long it took, ms; null where it was refused. */
  async probe(bucket: number): Promise<number | null> {
    const { owners } = await this.shards.map();
    const [tenant = 0] = this.tenants[bucket] ?? [];
    const op = this.book.nextOp();
    const target = parseMysqlUrl(this.urls[owners[bucket]?.shard ?? ""] ?? "");
    const connection = await MysqlConnection.open(target, systemClock, 10_000).catch(() => null);
    // Somebody cut it: that was not the mover.
    if (connection === null) return await this.probe(bucket);
    const began = performance.now();
    let fate: Fate = "acknowledged";
    try {
      await connection.send(
        [`INSERT INTO docs (id, tenant, v, note) VALUES (${op}, ${tenant}, 1, 'probe')`],
        10_000,
      );
    } catch (error) {
      if (!isMysqlError(error)) throw error;
      if (error.errno === MOVED_ERRNO) fate = "refused";
      else if (error.failure === "lost") fate = "unknown";
      else throw error;
    } finally {
      connection.end();
    }
    this.book.write(fate, new Map([[rowKey("docs", op), rowText(tenant, 1, "probe")]]));
    if (fate === "unknown") return await this.probe(bucket);
    return fate === "acknowledged" ? performance.now() - began : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.cutOff.isCut = false;
    await Promise.allSettled(this.#work);
    for (const client of this.#clients) await client.close();
    for (const router of this.#routers) await router.close();
    await this.store.close();
    this.box[Symbol.dispose]();
  }

  #start(client: BankClient, dawdleMs: number): void {
    this.#clients.push(client);
    const random = seededRandom(Math.floor(this.#random() * 2 ** 31));
    const teller = new Teller({ client, book: this.book, random, tenants: this.tenants, dawdleMs });
    this.#work.push(teller.run(this.#stop.signal));
  }
}
