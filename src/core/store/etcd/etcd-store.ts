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
import { Cluster, type Scope } from "./cluster.ts";
import { Keyspace, toSelection } from "./codec.ts";
import { parseEtcdUrl } from "./etcd-url.ts";
import { Leases } from "./leases.ts";
import { loadRpc } from "./rpc.ts";
import { runTxn, type TxnParts } from "./txn.ts";
import { PrefixWatch } from "./watch.ts";

const CAPABILITIES: StoreCapabilities = {
  fifo: true,
  // etcd grants no less than one and a half election timeouts, in whole seconds: 2 s as it comes.
  minTtlMs: 2000,
  maxTtlMs: 366 * 86_400_000,
  choosesLeaseId: false,
  leasesInTxn: false,
  seesCrashes: false,
};

export interface EtcdStoreOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** [0, 1): decides the order of the endpoints and the back-off. */
  readonly random?: () => number;
}

/**
 * The store on an etcd cluster (3.4 and later). Every read is linearizable. Leases end on the servers' clocks, up to a
 * second after their TTL, because etcd looks for expired ones twice a second.
 */
export class EtcdStore implements Store {
  readonly kind = "etcd";
  readonly url: string;
  readonly capabilities = CAPABILITIES;
  readonly #parts: TxnParts;

  /** Reads the URL and the files it names. Nothing is connected to before the first call. */
  static async open({ url, timeoutMs, clock, random = Math.random }: EtcdStoreOptions): Promise<EtcdStore> {
    const address = parseEtcdUrl(url);
    const cluster = new Cluster({
      endpoints: address.endpoints,
      facts: { url: address.shown, user: address.user, timeoutMs },
      password: address.password,
      connect: await loadRpc(address.tls),
      clock,
      random,
    });
    return new EtcdStore(cluster, new Keyspace(address.prefix), clock);
  }

  private constructor(cluster: Cluster, keys: Keyspace, clock: Clock) {
    this.url = cluster.facts.url;
    this.#parts = { cluster, keys, clock, leases: new Leases(cluster, keys, clock) };
  }

  async get(key: string, options?: CallOptions): Promise<KeyValue | null> {
    const { cluster, keys } = this.#parts;
    const { kvs } = await cluster.call("range", { key: keys.key(key) }, this.#scope(options));
    return kvs[0] === undefined ? null : keys.toKeyValue(kvs[0]);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    const { cluster, keys } = this.#parts;
    const range = { ...keys.range(prefix), ...toSelection(options) };
    const { kvs, header } = await cluster.call("range", range, this.#scope(options));
    return { kvs: kvs.map((kv) => keys.toKeyValue(kv)), revision: Number(header.revision) };
  }

  async txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult> {
    return runTxn(this.#parts, request, this.#scope(options));
  }

  watch(prefix: string, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    const list = (which: string, until: AbortSignal) => this.list(which, { signal: until });
    return new PrefixWatch({ ...this.#parts, list }, prefix, from).run(signal);
  }

  async grant(request: GrantRequest, options?: CallOptions): Promise<Lease> {
    return this.#parts.leases.grant(request, this.#scope(options));
  }

  async keepAlive(id: LeaseId, options?: CallOptions): Promise<Lease> {
    return this.#parts.leases.keepAlive(id, this.#scope(options));
  }

  async revoke(id: LeaseId, options?: CallOptions): Promise<boolean> {
    return this.#parts.leases.revoke(id, this.#scope(options));
  }

  async setHolder(id: LeaseId, holder: Holder, options?: CallOptions): Promise<void> {
    return this.#parts.leases.setHolder(id, holder, this.#scope(options));
  }

  async leases(options?: CallOptions): Promise<readonly LeaseInfo[]> {
    return this.#parts.leases.all(this.#scope(options));
  }

  async lease(id: LeaseId, options?: CallOptions): Promise<LeaseInfo | null> {
    return this.#parts.leases.one(id, this.#scope(options));
  }

  async close(): Promise<void> {
    this.#parts.cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #scope(options?: CallOptions): Scope {
    options?.signal?.throwIfAborted();
    return this.#parts.cluster.scope(options?.signal);
  }
}
