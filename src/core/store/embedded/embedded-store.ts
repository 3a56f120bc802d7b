import { hostname } from "node:os";
import type { DatabaseSync } from "node:sqlite";
import { bootId, isGone, processIdentity } from "../../process/identity.ts";
import { toStoreError } from "../../sqlite/errors.ts";
import { openDatabase } from "../../sqlite/open.ts";
import { WriteQueue } from "../../sqlite/write-queue.ts";
import type { Clock } from "../../util/clock.ts";
import type {
  CallOptions,
  GrantRequest,
  Holder,
  KeyValue,
  Lease,
  LeaseId,
  LeaseInfo,
  ListResult,
  Revision,
  Store,
  StoreCapabilities,
  TxnRequest,
  TxnResult,
  WatchBatch,
  WatchEvent,
} from "../store.ts";
import { ChangeNotice } from "./change-notice.ts";
import { parseHolder, type Row, toKeyValue, toLeaseInfo } from "./rows.ts";
import { SQL, Statements } from "./statements.ts";
import { rangeOf, Transaction } from "./transaction.ts";

/** "dcs1", in the header of the file. */
const APPLICATION_ID = 0x64637331;
const FORMAT = 1;

/** While somebody watches, expired leases and dead holders are looked for this often. */
const TICK_MS = 250;

const CAPABILITIES: StoreCapabilities = {
  fifo: true,
  minTtlMs: 100,
  maxTtlMs: 366 * 86_400_000,
  choosesLeaseId: false,
  seesCrashes: true,
};

export interface EmbeddedStoreOptions {
  readonly path: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * The store of one host: an SQLite file in WAL mode shared by all processes.
 *
 * Leases end on CLOCK_MONOTONIC; a lease whose holder is seen dead on this host ends at once; a detached lease also
 * keeps a wall-clock deadline that survives a reboot. Expired leases are removed by whoever writes or watches next, and
 * are never visible to a reader.
 */
export class EmbeddedStore implements Store {
  readonly kind = "embedded";
  readonly url: string;
  readonly capabilities = CAPABILITIES;
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #sql: Statements;
  readonly #tx: Transaction;
  readonly #writes: WriteQueue;
  readonly #notice: ChangeNotice;
  #watchers = 0;
  #cancelTick: () => void = () => {};
  #lookedForDead = false;
  #closed = false;

  static async open(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
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
    const store = new EmbeddedStore(db, options);
    await store.#startBoot();
    return store;
  }

  private constructor(db: DatabaseSync, { path, timeoutMs, clock }: EmbeddedStoreOptions) {
    this.#db = db;
    this.#path = path;
    this.#clock = clock;
    this.url = `embedded:${path}`;
    this.#sql = new Statements(db);
    this.#tx = new Transaction(this.#sql, clock);
    this.#notice = new ChangeNotice(`${path}-wal`, clock, () => this.#meta().revision);
    this.#writes = new WriteQueue({
      db,
      path,
      timeoutMs,
      clock,
      before: () => this.#tx.begin(),
      after: () => this.#tx.end(),
      committed: () => this.#notice.wakeAll(),
    });
  }

  async get(key: string, options?: CallOptions): Promise<KeyValue | null> {
    await this.#settle(options);
    const row = this.#guarded(() => this.#sql.get("kv-get").get(key));
    return row === undefined ? null : toKeyValue(row);
  }

  async list(prefix: string, options?: CallOptions): Promise<ListResult> {
    await this.#settle(options);
    return this.#snapshot(() => ({
      kvs: this.#sql
        .get("kv-list")
        .all(...rangeOf(prefix))
        .map(toKeyValue),
      revision: this.#meta().revision,
    }));
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult> {
    return this.#write(() => this.#tx.txn(request), options);
  }

  grant(request: GrantRequest, options?: CallOptions): Promise<Lease> {
    return this.#write(() => this.#tx.grant(request), options);
  }

  keepAlive(id: LeaseId, options?: CallOptions): Promise<Lease> {
    return this.#write(() => this.#tx.keepAlive(id), options);
  }

  revoke(id: LeaseId, options?: CallOptions): Promise<boolean> {
    return this.#write(() => this.#tx.revoke(id), options);
  }

  setHolder(id: LeaseId, holder: Holder, options?: CallOptions): Promise<void> {
    return this.#write(() => this.#tx.setHolder(id, holder), options);
  }

  async leases(options?: CallOptions): Promise<readonly LeaseInfo[]> {
    await this.#settle(options);
    return this.#snapshot(() =>
      this.#sql
        .get("lease-list")
        .all()
        .map((row) => this.#leaseInfo(row)),
    );
  }

  async lease(id: LeaseId, options?: CallOptions): Promise<LeaseInfo | null> {
    await this.#settle(options);
    return this.#snapshot(() => {
      const row = this.#sql.get("lease-get").get(id);
      return row === undefined ? null : this.#leaseInfo(row);
    });
  }

  async *watch(prefix: string, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    let seen = from - 1;
    let wake = () => {};
    const unsubscribe = this.#notice.subscribe(() => wake());
    const onAbort = () => wake();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#startTicking();
    try {
      while (!signal.aborted && !this.#closed) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const batch = this.#changesSince(prefix, seen);
        if (batch === null) {
          await woken;
          continue;
        }
        seen = batch.revision;
        if (batch.events.length > 0 || batch.resync) yield batch;
      }
    } finally {
      unsubscribe();
      signal.removeEventListener("abort", onAbort);
      this.#stopTicking();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTick();
    this.#notice.close();
    await this.#writes.close();
    this.#db.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #write<T>(job: () => T, options?: CallOptions): Promise<T> {
    options?.signal?.throwIfAborted();
    return this.#writes.run(job);
  }

  async #startBoot(): Promise<void> {
    const boot = bootId();
    if (this.#guarded(() => this.#meta()).boot !== boot)
      await this.#writes.run(() => this.#tx.startBoot(boot));
  }

  /** Makes sure that no reader sees what has expired, or belonged to a process that is gone. */
  async #settle(options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    if (!this.#lookedForDead) {
      this.#lookedForDead = true;
      await this.#reapDead();
    }
    await this.#reapExpired();
  }

  async #reapExpired(): Promise<void> {
    const expired = this.#guarded(() => this.#sql.get("lease-expired").get(this.#clock.monotonic()));
    // Every write transaction begins by removing what has expired.
    if (expired !== undefined) await this.#writes.run(() => {});
  }

  async #reapDead(): Promise<void> {
    const holders = this.#guarded(() => this.#sql.get("lease-holders").all());
    if (holders.length === 0) return;
    const self = { host: hostname(), ...processIdentity() };
    const dead = holders.filter((row) => {
      const holder = parseHolder(row.holder);
      return holder !== null && isGone(holder, self);
    });
    if (dead.length === 0) return;
    await this.#writes.run(() => {
      for (const row of dead) {
        for (const id of JSON.parse(String(row.ids)) as string[]) {
          // The holder may have been replaced since it was read.
          if (this.#sql.get("lease-get").get(id)?.holder === row.holder) this.#tx.revoke(id);
        }
      }
    });
  }

  #startTicking(): void {
    this.#watchers++;
    if (this.#watchers === 1) this.#tick();
  }

  #stopTicking(): void {
    this.#watchers--;
    if (this.#watchers === 0) this.#cancelTick();
  }

  /** Somebody must notice an expiry for watchers to hear of it; jitter keeps many processes from doing so at once. */
  #tick(): void {
    if (this.#closed) return;
    const next = this.#guarded(() => this.#sql.get("lease-next").get())?.deadline_ms;
    const untilExpiry = typeof next === "number" ? next - this.#clock.monotonic() : TICK_MS;
    const delay = Math.max(1, Math.min(untilExpiry, TICK_MS)) + Math.random() * 10;
    this.#cancelTick = this.#clock.timer(delay, () => {
      this.#sweep().then(
        () => this.#watchers > 0 && this.#tick(),
        // A busy or full store now may be well at the next tick; the watchers' own reads report lasting failures.
        () => this.#watchers > 0 && this.#tick(),
      );
    });
  }

  async #sweep(): Promise<void> {
    await this.#reapDead();
    await this.#reapExpired();
    this.#notice.wakeAll();
  }

  /** Null when nothing at all has changed. */
  #changesSince(prefix: string, seen: Revision): WatchBatch | null {
    return this.#snapshot(() => {
      const { revision, compacted } = this.#meta();
      if (revision <= seen) return revision < seen ? this.#everything(prefix, revision) : null;
      if (seen < compacted) return this.#everything(prefix, revision);
      const range = rangeOf(prefix);
      const deletes = this.#sql.get("tombstone-since").all(seen, ...range);
      const puts = this.#sql.get("kv-changed").all(seen, ...range);
      return { events: inOrder(deletes.map(toDelete), puts.map(toPut)), revision, resync: false };
    });
  }

  #everything(prefix: string, revision: Revision): WatchBatch {
    const rows = this.#sql.get("kv-list").all(...rangeOf(prefix));
    return { events: rows.map(toPut), revision, resync: true };
  }

  #leaseInfo(row: Row): LeaseInfo {
    const keys = this.#sql
      .get("kv-of-lease")
      .all(String(row.id))
      .map((key) => String(key.key));
    return toLeaseInfo(row, keys, this.#clock.monotonic());
  }

  #meta(): { revision: Revision; compacted: Revision; boot: string } {
    const row = this.#sql.get("meta-read").get();
    return { revision: Number(row?.revision), compacted: Number(row?.compacted), boot: String(row?.boot) };
  }

  /** Several reads of one state of the store. */
  #snapshot<T>(read: () => T): T {
    return this.#guarded(() => {
      this.#db.exec("BEGIN");
      try {
        return read();
      } finally {
        this.#db.exec("COMMIT");
      }
    });
  }

  #guarded<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw toStoreError(error, this.#path);
    }
  }
}

function toPut(row: Row): WatchEvent {
  return { type: "put", kv: toKeyValue(row) };
}

function toDelete(row: Row): WatchEvent {
  return { type: "delete", key: String(row.key), revision: Number(row.revision) };
}

function revisionOf(event: WatchEvent): Revision {
  return event.type === "put" ? event.kv.modRevision : event.revision;
}

function inOrder(deletes: readonly WatchEvent[], puts: readonly WatchEvent[]): readonly WatchEvent[] {
  return [...deletes, ...puts].sort((a, b) => revisionOf(a) - revisionOf(b));
}
