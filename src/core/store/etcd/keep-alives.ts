import type { ILeaseKeepAliveResponse } from "etcd3";
import type { Clock } from "../../util/clock.ts";
import type { RpcStream } from "./rpc.ts";
import { GRPC, RpcFailure } from "./rpc-failure.ts";

type Stream = RpcStream<"leaseKeepAlive">;

/** Streams of one connection at most; past that, renewals queue behind one another. */
const MAX_STREAMS = 16;
/** A stream that has been silent for so long with questions open gets no more of them. */
const SLOW_MS = 100;
/** A stream that nobody uses for so long is ended: it would not notice by itself that its connection has died. */
const IDLE_MS = 2000;

/** What a renewal waits for. */
interface Asked {
  readonly resolve: (answer: ILeaseKeepAliveResponse) => void;
  readonly reject: (failure: RpcFailure) => void;
}

export interface KeepAlivesOptions {
  readonly endpoint: string;
  readonly clock: Clock;
  readonly open: (token: string | null) => Stream;
  readonly failure: (error: unknown) => RpcFailure;
}

/**
 * Renewals of leases over streams that stay open: a stream for each costs ten times as much.
 *
 * A server answers a stream's questions one after another, and on a member that is not the leader each is a call to it, so
 * a question goes to a stream that has none open, while there may be more streams. A lease is asked for once at a time on
 * a stream: an answer to an earlier question must not count for a later one.
 */
export class KeepAlives {
  readonly #o: KeepAlivesOptions;
  readonly #streams = new Set<KeepAliveStream>();

  constructor(options: KeepAlivesOptions) {
    this.#o = options;
  }

  /**
   * Asks for a lease, by its id as etcd's API has it. The returned function gives up: the answer is for nobody then, and
   * with `isSilent` the stream is taken for dead.
   */
  send(id: string, token: string | null, asked: Asked): (isSilent: boolean) => void {
    return this.#pick(id, token).send(id, asked);
  }

  close(): void {
    const why = new RpcFailure(this.#o.endpoint, GRPC.unavailable, "the store was closed");
    for (const stream of [...this.#streams]) stream.end(why);
  }

  #pick(id: string, token: string | null): KeepAliveStream {
    let best: KeepAliveStream | null = null;
    let count = 0;
    for (const stream of this.#streams) {
      if (stream.token !== token) continue;
      count++;
      if (stream.asks(id) || stream.isSlow) continue;
      if (best === null || stream.open < best.open) best = stream;
      if (best.open === 0) return best;
    }
    if (best !== null && count >= MAX_STREAMS) return best;
    const made = new KeepAliveStream(this.#o, token, () => this.#streams.delete(made));
    this.#streams.add(made);
    return made;
  }
}

class KeepAliveStream {
  readonly token: string | null;
  readonly #o: KeepAlivesOptions;
  readonly #stream: Stream;
  readonly #onEnd: () => void;
  readonly #asked = new Map<string, Asked>();
  #usedAt: number;
  #cancelIdle: (() => void) | null = null;
  #isOver = false;

  constructor(options: KeepAlivesOptions, token: string | null, onEnd: () => void) {
    this.token = token;
    this.#o = options;
    this.#onEnd = onEnd;
    this.#usedAt = options.clock.monotonic();
    this.#stream = options.open(token);
    this.#stream.on("data", (answer: ILeaseKeepAliveResponse) => this.#answer(answer));
    this.#stream.on("error", (error) => this.end(options.failure(error)));
    this.#stream.on("end", () =>
      this.end(new RpcFailure(options.endpoint, GRPC.unavailable, "the server ended the stream")),
    );
  }

  /** Questions without an answer. */
  get open(): number {
    return this.#asked.size;
  }

  get isSlow(): boolean {
    return this.open > 0 && this.#o.clock.monotonic() - this.#usedAt > SLOW_MS;
  }

  asks(id: string): boolean {
    return this.#asked.has(id);
  }

  send(id: string, asked: Asked): (isSilent: boolean) => void {
    if (this.open === 0) this.#usedAt = this.#o.clock.monotonic();
    this.#asked.set(id, asked);
    this.#stream.write({ ID: id });
    return (isSilent) => {
      if (this.#asked.get(id) !== asked) return;
      if (isSilent) this.end(new RpcFailure(this.#o.endpoint, GRPC.unavailable, "the stream fell silent"));
      // Its answer is still to come, and must find its own question.
      else this.#asked.set(id, { resolve: () => {}, reject: () => {} });
    };
  }

  /** Ends the stream; whoever waits for an answer may ask elsewhere. */
  end(why: RpcFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelIdle?.();
    this.#onEnd();
    for (const { reject } of this.#asked.values()) reject(why);
    this.#asked.clear();
    // Ended politely, it would wait for the server's word, and keep a connection that has fallen silent open.
    this.#stream.cancel();
  }

  #answer(answer: ILeaseKeepAliveResponse): void {
    this.#usedAt = this.#o.clock.monotonic();
    const asked = this.#asked.get(answer.ID);
    this.#asked.delete(answer.ID);
    asked?.resolve(answer);
    if (this.open === 0) this.#cancelIdle ??= this.#o.clock.timer(IDLE_MS, () => this.#endIfIdle());
  }

  #endIfIdle(): void {
    this.#cancelIdle = null;
    if (this.open > 0) return;
    const left = this.#usedAt + IDLE_MS - this.#o.clock.monotonic();
    if (left > 0) this.#cancelIdle = this.#o.clock.timer(left, () => this.#endIfIdle());
    else this.end(new RpcFailure(this.#o.endpoint, GRPC.unavailable, "the stream was not used"));
  }
}
