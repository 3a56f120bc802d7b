import { hostname } from "node:os";
import type { DatabaseSync } from "node:sqlite";
import { bootId, isGone, processIdentity } from "../../process/identity.ts";
import { toStoreError } from "../../sqlite/errors.ts";
import { fileIdentity } from "../../sqlite/file-identity.ts";
import { openDatabase } from "../../sqlite/open.ts";
import { Statements } from "../../sqlite/statements.ts";
import { WriteQueue } from "../../sqlite/write-queue.ts";
import type { Clock } from "../../util/clock.ts";
import type { ListOptions, Revision, WatchBatch } from "../store.ts";
import { parseHolder, type Row } from "./rows.ts";
import { SQL } from "./statements.generated.ts";
import type { StoreStatements } from "./statements.ts";
import { rangeOf, Transaction } from "./transaction.ts";
import { inOrder, toDelete, toPut } from "./watch-events.ts";

/** "dcs1", in the header of the file. */
const APPLICATION_ID = 0x64637331;
const FORMAT = 1;

const LISTS = { key: "kv-list", oldest: "kv-list-oldest", newest: "kv-list-newest" } as const;

export interface ConnectionOptions {
  readonly path: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** A write of this connection was committed. */
  readonly onCommit: () => void;
}

interface Meta {
  readonly revision: Revision;
  readonly compacted: Revision;
  readonly boot: string;
}

/** One open SQLite file of the embedded store: reads of one state, writes through the queue, and what ends leases. */
export class Connection {
  readonly sql: StoreStatements;
  readonly tx: Transaction;
  readonly #db: DatabaseSync;
  readonly #options: ConnectionOptions;
  readonly #writes: WriteQueue;
  readonly #file: string;

  static async open(options: ConnectionOptions): Promise<Connection> {
    const { path, timeoutMs, clock } = options;
    const db = await openDatabase(path, {
      applicationId: APPLICATION_ID,
      version: FORMAT,
      synchronous: "NORMAL",
      timeoutMs,
      clock,
      create: (fresh) => {
        fresh.exec(SQL.schema);
        fresh.prepare(SQL["meta-init"]).run(Math.floor(clock.now() * 1000), bootId());
      },
    });
    const connection = new Connection(db, options);
    await connection.#startBoot();
    return connection;
  }

  private constructor(db: DatabaseSync, options: ConnectionOptions) {
    this.#db = db;
    this.#options = options;
    this.#file = fileIdentity(options.path);
    this.sql = new Statements(db, SQL);
    this.tx = new Transaction(this.sql, options.clock);
    this.#writes = new WriteQueue({
      db,
      path: options.path,
      timeoutMs: options.timeoutMs,
      clock: options.clock,
      before: () => this.tx.begin(),
      after: () => this.tx.end(),
      committed: options.onCommit,
    });
  }

  /** True when the file was deleted or another took its place: what is written here, nobody else sees. */
  isOrphaned(): boolean {
    return fileIdentity(this.#options.path) !== this.#file;
  }

  write<T>(job: () => T): Promise<T> {
    return this.#writes.run(job);
  }

  /** Several reads of one state of the store. */
  snapshot<T>(read: () => T): T {
    return this.read(() => {
      // A write transaction of ours has begun, and its jobs come right after: until then it is as good as a snapshot.
      if (this.#db.isTransaction) return read();
      this.#db.exec("BEGIN");
      try {
        return read();
      } finally {
        this.#db.exec("COMMIT");
      }
    });
  }

  read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw toStoreError(error, this.#options.path);
    }
  }

  meta(): Meta {
    const row = this.sql.get("meta-read").get();
    return { revision: Number(row?.revision), compacted: Number(row?.compacted), boot: String(row?.boot) };
  }

  /** The rows below `prefix`. */
  list(prefix: string, { order = "key", limit = -1, createdBefore }: ListOptions = {}): readonly Row[] {
    const before = createdBefore ?? Number.MAX_SAFE_INTEGER;
    return this.sql.get(LISTS[order]).all(...rangeOf(prefix), before, limit);
  }

  /** What changed below `prefix` after `seen`; null when nothing at all has changed. */
  changesSince(prefix: string, seen: Revision): WatchBatch | null {
    return this.snapshot(() => {
      const { revision, compacted } = this.meta();
      if (revision === seen) return null;
      if (revision < seen || seen < compacted)
        return { events: this.list(prefix).map(toPut), revision, resync: true };
      const range = rangeOf(prefix);
      const deletes = this.sql.get("tombstone-since").all(seen, ...range);
      const puts = this.sql.get("kv-changed").all(seen, ...range);
      return { events: inOrder(deletes.map(toDelete), puts.map(toPut)), revision, resync: false };
    });
  }

  /** When the next lease ends, CLOCK_MONOTONIC ms; Infinity when there is none. */
  nextExpiry(): number {
    const next = this.read(() => this.sql.get("lease-next").get())?.deadline_ms;
    return typeof next === "number" ? next : Number.POSITIVE_INFINITY;
  }

  async reapExpired(): Promise<void> {
    const expired = this.read(() => this.sql.get("lease-expired").get(this.#options.clock.monotonic()));
    // Every write transaction begins by removing what has expired.
    if (expired !== undefined) await this.write(() => {});
  }

  /** Ends the leases of processes that are seen gone. */
  async reapDead(): Promise<void> {
    const holders = this.read(() => this.sql.get("lease-holders").all());
    if (holders.length === 0) return;
    const self = { host: hostname(), ...processIdentity() };
    const dead = holders.filter((row) => {
      const holder = parseHolder(row.holder);
      return holder !== null && isGone(holder, self);
    });
    if (dead.length === 0) return;
    await this.write(() => {
      for (const row of dead) {
        for (const id of JSON.parse(String(row.ids)) as string[]) {
          // The holder may have been replaced since it was read.
          if (this.sql.get("lease-get").get(id)?.holder === row.holder) this.tx.revoke(id);
        }
      }
    });
  }

  async close(): Promise<void> {
    await this.#writes.close();
    this.#db.close();
  }

  async #startBoot(): Promise<void> {
    const boot = bootId();
    if (this.read(() => this.meta()).boot !== boot) await this.write(() => this.tx.startBoot(boot));
  }
}
