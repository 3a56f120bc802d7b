import type { Clock } from "../../util/clock.ts";
import type {
  CallOptions,
  GrantRequest,
  Holder,
  KeyValue,
  Lease,
  LeaseId,
  LeaseInfo,
  ListOptions,
  ListResult,
  Revision,
  Store,
  StoreCapabilities,
  TxnRequest,
  TxnResult,
  WatchBatch,
} from "../store.ts";
import { ChangeNotice } from "./change-notice.ts";
import { Connection } from "./connection.ts";
import { type Row, toKeyValue, toLeaseInfo } from "./rows.ts";

/** While somebody watches, expired leases, dead holders and a replaced file are looked for this often. */
const TICK_MS = 250;
/** Keeps many processes from looking at the same moment. */
const TICK_JITTER_MS = 10;

/** How long a file that was just seen in its place is believed to be there. */
const LOOK_MS = 50;

const CAPABILITIES: StoreCapabilities = {
  fifo: true,
  minTtlMs: 100,
  maxTtlMs: 366 * 86_400_000,
  choosesLeaseId: false,
  leasesInTxn: true,
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
 * are never visible to a reader. A file that was deleted or replaced is opened anew: its leases are gone, and watchers
 * get a resync.
 */
export class EmbeddedStore implements Store {
  readonly kind = "embedded";
  readonly url: string;
  readonly capabilities = CAPABILITIES;
  readonly #options: EmbeddedStoreOptions;
  readonly #clock: Clock;
  readonly #notice: ChangeNotice;
  #connection: Connection;
  #reopening: Promise<void> | null = null;
  #watchers = 0;
  #cancelTick: () => void = () => {};
  #nextLook = 0;
  #lookedForDead = false;
  #closed = false;

  static async open(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
    let commit = () => {};
    const connection = await Connection.open({ ...options, onCommit: () => commit() });
    const store = new EmbeddedStore(connection, options);
    commit = () => store.#notice.wakeAll();
    return store;
  }

  private constructor(connection: Connection, options: EmbeddedStoreOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#clock = options.clock;
    this.url = `embedded:${options.path}`;
    this.#notice = new ChangeNotice(
      `${options.path}-wal`,
      options.clock,
      () => this.#connection.meta().revision,
    );
  }

  async get(key: string, options?: CallOptions): Promise<KeyValue | null> {
    const connection = await this.#settled(options);
    const row = connection.read(() => connection.sql.get("kv-get").get(key));
    return row === undefined ? null : toKeyValue(row);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    const connection = await this.#settled(options);
    return connection.snapshot(() => ({
      kvs: connection.list(prefix, options).map(toKeyValue),
      revision: connection.meta().revision,
    }));
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult> {
    return this.#write(({ tx }) => tx.txn(request), options);
  }

  grant(request: GrantRequest, options?: CallOptions): Promise<Lease> {
    return this.#write(({ tx }) => tx.grant(request), options);
  }

  keepAlive(id: LeaseId, options?: CallOptions): Promise<Lease> {
    return this.#write(({ tx }) => tx.keepAlive(id), options);
  }

  revoke(id: LeaseId, options?: CallOptions): Promise<boolean> {
    return this.#write(({ tx }) => tx.revoke(id), options);
  }

  setHolder(id: LeaseId, holder: Holder, options?: CallOptions): Promise<void> {
    return this.#write(({ tx }) => tx.setHolder(id, holder), options);
  }

  async leases(options?: CallOptions): Promise<readonly LeaseInfo[]> {
    const connection = await this.#settled(options);
    return connection.snapshot(() =>
      connection.sql
        .get("lease-list")
        .all()
        .map((row) => this.#leaseInfo(connection, row)),
    );
  }

  async lease(id: LeaseId, options?: CallOptions): Promise<LeaseInfo | null> {
    const connection = await this.#settled(options);
    return connection.snapshot(() => {
      const row = connection.sql.get("lease-get").get(id);
      return row === undefined ? null : this.#leaseInfo(connection, row);
    });
  }

  async *watch(prefix: string, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    let seen = from - 1;
    let wake = () => {};
    const onWake = () => wake();
    const unsubscribe = this.#notice.subscribe(onWake);
    signal.addEventListener("abort", onWake, { once: true });
    this.#startTicking();
    try {
      while (!signal.aborted && !this.#closed) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const batch = this.#connection.changesSince(prefix, seen);
        if (batch === null) {
          await woken;
          continue;
        }
        seen = batch.revision;
        if (batch.events.length > 0 || batch.resync) yield batch;
      }
    } finally {
      unsubscribe();
      signal.removeEventListener("abort", onWake);
      this.#stopTicking();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTick();
    this.#notice.close();
    await this.#reopening?.catch(() => {});
    await this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #write<T>(job: (connection: Connection) => T, options?: CallOptions): Promise<T> {
    options?.signal?.throwIfAborted();
    const connection = await this.#current();
    return connection.write(() => job(connection));
  }

  /** The connection, once no reader can see what has expired or belonged to a process that is gone. */
  async #settled(options?: CallOptions): Promise<Connection> {
    options?.signal?.throwIfAborted();
    const connection = await this.#current();
    if (!this.#lookedForDead) {
      this.#lookedForDead = true;
      await connection.reapDead();
    }
    await connection.reapExpired();
    return connection;
  }

  async #current(): Promise<Connection> {
    if (this.#reopening === null && this.#isOrphaned()) {
      this.#reopening = this.#reopen().finally(() => {
        this.#reopening = null;
      });
    }
    if (this.#reopening !== null) await this.#reopening;
    return this.#connection;
  }

  #isOrphaned(): boolean {
    const now = this.#clock.monotonic();
    if (now < this.#nextLook) return false;
    this.#nextLook = now + LOOK_MS;
    return this.#connection.isOrphaned();
  }

  async #reopen(): Promise<void> {
    const orphan = this.#connection;
    this.#connection = await Connection.open({ ...this.#options, onCommit: () => this.#notice.wakeAll() });
    this.#notice.restart();
    this.#notice.wakeAll();
    await orphan.close();
  }

  #startTicking(): void {
    this.#watchers++;
    if (this.#watchers === 1) this.#tick();
  }

  #stopTicking(): void {
    this.#watchers--;
    if (this.#watchers === 0) this.#cancelTick();
  }

  /** Somebody must notice an expiry for watchers to hear of it. */
  #tick(): void {
    if (this.#closed || this.#watchers === 0) return;
    this.#cancelTick = this.#clock.timer(this.#untilTick() + Math.random() * TICK_JITTER_MS, () => {
      // A busy or full store now may be well at the next tick; the watchers' own reads report lasting failures.
      this.#sweep().then(
        () => this.#tick(),
        () => this.#tick(),
      );
    });
  }

  #untilTick(): number {
    try {
      return Math.max(1, Math.min(this.#connection.nextExpiry() - this.#clock.monotonic(), TICK_MS));
    } catch {
      return TICK_MS;
    }
  }

  async #sweep(): Promise<void> {
    const connection = await this.#current();
    await connection.reapDead();
    await connection.reapExpired();
    this.#notice.wakeAll();
  }

  #leaseInfo(connection: Connection, row: Row): LeaseInfo {
    const keys = connection.sql
      .get("kv-of-lease")
      .all(String(row.id))
      .map((key) => String(key.key));
    return toLeaseInfo(row, keys, this.#clock.monotonic());
  }
}
