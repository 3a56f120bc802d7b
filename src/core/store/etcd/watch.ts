import type { IEvent, IWatchResponse } from "etcd3";
import { isDcsError } from "../../errors.ts";
import { backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { KeyValue, ListResult, Revision, WatchBatch, WatchEvent } from "../store.ts";
import { type Cluster, RETRY } from "./cluster.ts";
import type { Keyspace } from "./codec.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RpcStream } from "./rpc.ts";
import { GRPC, RpcFailure } from "./rpc-failure.ts";
import { toStoreError } from "./store-errors.ts";

export interface WatchParts {
  readonly cluster: Cluster;
  readonly keys: Keyspace;
  readonly clock: Clock;
  /** A linearizable list. */
  readonly list: (prefix: string, signal: AbortSignal) => Promise<ListResult>;
}

/**
 * One watch of the port: reconnects without a gap for as long as the signal lives, and lists again where history is lost.
 * Rejects only when access is denied.
 */
export class PrefixWatch {
  readonly #parts: WatchParts;
  readonly #prefix: string;
  #resume: Revision;
  /** The cluster the revisions are of. */
  #cluster: string;
  #isLost = false;
  #failures = 0;

  constructor(parts: WatchParts, prefix: string, from: Revision) {
    this.#parts = parts;
    this.#prefix = prefix;
    // To etcd, 0 means "from now on".
    this.#resume = Math.max(1, from);
    this.#cluster = parts.cluster.id;
  }

  async *run(outer: AbortSignal): AsyncGenerator<WatchBatch, void> {
    const { cluster, clock } = this.#parts;
    using stop = cluster.linked(outer);
    const { signal } = stop;
    while (!signal.aborted) {
      try {
        if (this.#isLost) yield await this.#listAgain(signal);
        yield* this.#stream(signal);
      } catch (error) {
        if (signal.aborted) return;
        const failure = toStoreError(error, cluster.facts);
        if (!isDcsError(failure, "STORE_UNREACHABLE")) throw failure;
        await sleep(clock, backoffDelay(RETRY, this.#failures++), signal).catch(() => {});
      }
    }
  }

  /**
   * One revision before the first that is wanted. A compaction up to a revision takes its deletions away, and etcd before the
   * summer of 2024 still lets a watch begin there, which then never hears of them (etcd issue 18089). One earlier is refused.
   */
  get #start(): Revision {
    return Math.max(1, this.#resume - 1);
  }

  /** What one stream delivers; ends when history is lost, rejects when the stream breaks. */
  async *#stream(signal: AbortSignal): AsyncGenerator<WatchBatch, void> {
    const { cluster, clock, keys } = this.#parts;
    const range = keys.range(this.#prefix);
    const check = () => cluster.call("range", { ...range, count_only: true }, cluster.scope(signal));
    const { stream, endpoint } = await cluster.stream("watch", cluster.scope(signal), check);
    let isSilent = false;
    const cancelTimer = clock.timer(cluster.facts.timeoutMs, () => {
      isSilent = true;
      stream.cancel();
    });
    const onAbort = () => stream.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      stream.write({
        create_request: { ...range, start_revision: String(this.#start), progress_notify: true },
      });
      for await (const response of stream as AsyncIterable<IWatchResponse>) {
        cancelTimer();
        if (response.created && !response.canceled && (await this.#isForeign(response, signal))) {
          this.#isLost = true;
          return;
        }
        if (response.canceled) return this.#canceled(response, endpoint);
        this.#failures = 0;
        const batch = this.#toBatch(response);
        if (batch !== null) yield batch;
      }
      throw new RpcFailure(endpoint.name, GRPC.unavailable, "the server ended the watch");
    } catch (error) {
      if (signal.aborted) return;
      const silent = new RpcFailure(endpoint.name, GRPC.deadlineExceeded, "no answer");
      const failure = isSilent ? silent : endpoint.failure(error);
      cluster.blame(endpoint, failure);
      throw failure;
    } finally {
      cancelTimer();
      signal.removeEventListener("abort", onAbort);
      end(stream);
    }
  }

  /**
   * True when the revisions we know are not of this store: another cluster, or one that has lost its latest data. A watch
   * from the future would stay silent until the store gets there, and then miss everything before.
   */
  async #isForeign({ header }: IWatchResponse, signal: AbortSignal): Promise<boolean> {
    const other = this.#cluster !== "" && header.cluster_id !== this.#cluster;
    this.#cluster = header.cluster_id;
    if (other) return true;
    if (Number(header.revision) >= this.#resume - 1) return false;
    // A member that is only behind has the rest coming; a read of the whole cluster knows.
    return (await this.#parts.list(this.#prefix, signal)).revision < this.#resume - 1;
  }

  #canceled(response: IWatchResponse, endpoint: Endpoint): void {
    if (response.compact_revision !== "0") {
      this.#isLost = true;
      return;
    }
    const { cancel_reason: reason } = response;
    if (/permission denied/i.test(reason)) {
      throw new RpcFailure(endpoint.name, GRPC.permissionDenied, "permission denied");
    }
    // A token that ran out after the check: the check before the next stream gets a new one.
    const stale = /invalid auth token/i.test(reason);
    const why = stale ? "the token ran out" : reason || "the server cancelled the watch";
    throw new RpcFailure(endpoint.name, GRPC.unavailable, why);
  }

  /** Null where there is nothing to tell: the answer to the request, or news that nothing happened up to a revision. */
  #toBatch(response: IWatchResponse): WatchBatch | null {
    const fresh = response.events.filter(({ kv }) => Number(kv.mod_revision) >= this.#resume);
    const events = fresh.map((event) => this.#toEvent(event));
    const last = fresh.at(-1)?.kv.mod_revision;
    if (last === undefined) {
      if (!response.created && response.events.length === 0)
        this.#resume = Math.max(this.#resume, Number(response.header.revision) + 1);
      return null;
    }
    this.#resume = Number(last) + 1;
    return { events, revision: Number(last), resync: false };
  }

  #toEvent({ type, kv }: IEvent): WatchEvent {
    if (type === "Put") return { type: "put", kv: this.#parts.keys.toKeyValue(kv) };
    return { type: "delete", key: this.#parts.keys.name(kv.key) ?? "", revision: Number(kv.mod_revision) };
  }

  async #listAgain(signal: AbortSignal): Promise<WatchBatch> {
    const { kvs, revision } = await this.#parts.list(this.#prefix, signal);
    this.#isLost = false;
    this.#failures = 0;
    this.#resume = revision + 1;
    this.#cluster = this.#parts.cluster.id;
    const inOrder = [...kvs].sort((a: KeyValue, b: KeyValue) => a.modRevision - b.modRevision);
    return { events: inOrder.map((kv) => ({ type: "put", kv })), revision, resync: true };
  }
}

function end(stream: RpcStream<"watch">): void {
  stream.cancel();
  stream.destroy();
}
