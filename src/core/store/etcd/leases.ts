import type { Clock } from "../../util/clock.ts";
import { LEASE_RECORD_PREFIX } from "../keys.ts";
import type { GrantRequest, Holder, KeyValue, Lease, LeaseId, LeaseInfo } from "../store.ts";
import type { Cluster, Scope } from "./cluster.ts";
import { fromApi, type Keyspace, toApi } from "./codec.ts";
import { type LeaseRecord, leaseRecordKey, newLeaseRecord, parseLeaseRecord } from "./lease-record.ts";
import { RpcFailure } from "./rpc-failure.ts";
import { leaseGone } from "./store-errors.ts";

/** Leases asked for at once by `all`. */
const IN_FLIGHT = 32;

/** A lease as it was granted; `isNew` is false when it was there already. */
export interface Granted extends Lease {
  readonly isNew: boolean;
}

/** The lease part of the store. etcd counts in whole seconds, and raises short TTLs to what its election timeout allows. */
export class Leases {
  readonly #cluster: Cluster;
  readonly #keys: Keyspace;
  readonly #clock: Clock;

  constructor(cluster: Cluster, keys: Keyspace, clock: Clock) {
    this.#cluster = cluster;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** The lease alone, without its record. Idempotent: the id is ours, so one that is there is the one asked for. */
  async make(request: GrantRequest, scope: Scope): Promise<Granted> {
    const asked = { ID: toApi(request.id), TTL: String(Math.max(1, Math.ceil(request.ttlMs / 1000))) };
    const answer = await this.#cluster.persist(scope, async () => {
      try {
        return await this.#cluster.attempt("leaseGrant", asked, scope);
      } catch (error) {
        if (error instanceof RpcFailure && error.isLeaseThere) return null;
        throw error;
      }
    });
    if (answer !== null) return { id: request.id, ttlMs: Number(answer.TTL) * 1000, isNew: true };
    return { ...(await this.keepAlive(request.id, scope)), isNew: false };
  }

  async grant(request: GrantRequest, scope: Scope): Promise<Lease> {
    const { id, ttlMs } = await this.make(request, scope);
    await this.#putRecord(id, newLeaseRecord(request, this.#clock.now()), scope);
    return { id, ttlMs };
  }

  async keepAlive(id: LeaseId, scope: Scope): Promise<Lease> {
    const { TTL } = await this.#cluster.keepAlive({ ID: toApi(id) }, scope);
    if (Number(TTL) <= 0) throw leaseGone(id);
    return { id, ttlMs: Number(TTL) * 1000 };
  }

  /** False when it was gone. After an answer that was lost, one that is gone was ended by us. */
  revoke(id: LeaseId, scope: Scope): Promise<boolean> {
    return this.#cluster.persist(scope, async (before) => {
      try {
        await this.#cluster.attempt("leaseRevoke", { ID: toApi(id) }, scope);
        return true;
      } catch (error) {
        if (!(error instanceof RpcFailure && error.isLeaseGone)) throw error;
        return before instanceof RpcFailure && before.outcome === "unknown";
      }
    });
  }

  async setHolder(id: LeaseId, holder: Holder, scope: Scope): Promise<void> {
    const record = await this.#record(id, scope);
    await this.#putRecord(
      id,
      { grantedAt: record?.grantedAt ?? this.#clock.now(), detached: record?.detached ?? false, holder },
      scope,
    );
  }

  async one(id: LeaseId, scope: Scope): Promise<LeaseInfo | null> {
    const [info, record] = await Promise.all([this.#timeToLive(id, scope), this.#record(id, scope)]);
    return info === null ? null : this.#describe(id, info, record);
  }

  /** All leases of the cluster, also those dcs did not make; below a prefix only those with keys there. */
  async all(scope: Scope): Promise<readonly LeaseInfo[]> {
    // A member lists its own leases; after this read it knows all that the cluster had when it was asked.
    const range = { ...this.#keys.range(LEASE_RECORD_PREFIX) };
    const { kvs } = await this.#cluster.call("range", range, scope);
    const records = new Map(kvs.map((kv) => this.#keys.toKeyValue(kv)).map((kv) => [kv.key, toRecord(kv)]));
    const { leases } = await this.#cluster.call("leaseLeases", {}, scope);
    const infos: LeaseInfo[] = [];
    const queue = leases.map(({ ID }) => fromApi(ID)).values();
    const worker = async () => {
      for (const id of queue) {
        const info = await this.#timeToLive(id, scope);
        const record = records.get(leaseRecordKey(id)) ?? null;
        if (info === null) continue;
        const described = this.#describe(id, info, record);
        if (this.#keys.isWhole || record !== null || described.keys.length > 0) infos.push(described);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    return infos.sort((a, b) => a.remainingMs - b.remainingMs || (a.id < b.id ? -1 : 1));
  }

  async #timeToLive(id: LeaseId, scope: Scope): Promise<TimeToLive | null> {
    const answer = await this.#cluster.call("leaseTimeToLive", { ID: toApi(id), keys: true }, scope);
    return Number(answer.TTL) < 0 ? null : answer;
  }

  #describe(id: LeaseId, info: TimeToLive, record: LeaseRecord | null): LeaseInfo {
    const own = leaseRecordKey(id);
    return {
      id,
      ttlMs: Number(info.grantedTTL) * 1000,
      remainingMs: Number(info.TTL) * 1000,
      grantedAt: record?.grantedAt ?? null,
      detached: record?.detached ?? false,
      holder: record?.holder ?? null,
      keys: [...info.keys]
        .sort((a, b) => Buffer.compare(a, b))
        .flatMap((key) => this.#keys.name(key) ?? [])
        .filter((key) => key !== own),
    };
  }

  async #record(id: LeaseId, scope: Scope): Promise<LeaseRecord | null> {
    const { kvs } = await this.#cluster.call("range", { key: this.#keys.key(leaseRecordKey(id)) }, scope);
    return kvs[0] === undefined ? null : toRecord(this.#keys.toKeyValue(kvs[0]));
  }

  /** Says the same however often it is said, so it may be repeated. */
  async #putRecord(id: LeaseId, record: LeaseRecord, scope: Scope): Promise<void> {
    const key = this.#keys.key(leaseRecordKey(id));
    const put = { key, value: Buffer.from(JSON.stringify(record)), lease: toApi(id) };
    await this.#cluster.persist(scope, async () => {
      try {
        await this.#cluster.attempt("put", put, scope);
      } catch (error) {
        throw error instanceof RpcFailure && error.isLeaseGone ? leaseGone(id, error) : error;
      }
    });
  }
}

interface TimeToLive {
  readonly TTL: string;
  readonly grantedTTL: string;
  readonly keys: readonly Buffer[];
}

function toRecord(kv: KeyValue): LeaseRecord | null {
  return parseLeaseRecord(kv.value);
}
