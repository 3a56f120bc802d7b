import type { BenchTarget } from "./bench-target.ts";
import type { Arrival, Stage } from "./load/schedule.ts";
import type { BenchEngine, BenchMode } from "./result.ts";

/** An HTTP request as it is sent each time. */
export interface HttpRequestSpec {
  /** Upper case. */
  readonly method: string;
  /** Names as given; `[name, value]`. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | null;
  /** HTTP/2: by ALPN with https, from the first byte with http. */
  readonly http2: boolean;
  /** HTTP/2 only: requests at a time on one connection. */
  readonly streams: number;
  /** Believe any certificate. */
  readonly insecure: boolean;
  /** PEM of the authorities to trust, in place of those of Node. */
  readonly ca: string | null;
  /** What counts as answered well. */
  readonly okStatuses: readonly StatusRange[];
}

/** Both ends included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** A gRPC call: where its types come from, and what is sent. */
export interface GrpcRequestSpec {
  /** A .proto file; null: the server is asked by reflection. */
  readonly proto: string | null;
  /** The message as JSON. */
  readonly message: string;
  readonly metadata: readonly (readonly [string, string])[];
  readonly insecure: boolean;
  readonly ca: string | null;
}

/** What is done again and again to a server that is not HTTP: words, such as `GET key`, or a statement of SQL. */
export interface OperationSpec {
  readonly text: string;
}

/** Where locks are kept, for `lock:`. */
export interface LockPlaces {
  readonly locks: string;
  readonly timeoutMs: number;
  readonly stateDir: string;
  readonly ttlMs: number;
}

/** One run of a benchmark, whole, as its workers are told. Times in ms. */
export interface BenchPlan {
  readonly target: BenchTarget;
  readonly http: HttpRequestSpec;
  readonly grpc: GrpcRequestSpec;
  readonly operation: OperationSpec | null;
  readonly places: LockPlaces | null;
  readonly engine: BenchEngine;
  readonly mode: BenchMode;
  /** Of all workers together; null in rate mode: as many as are needed. In max mode, how many requests are under way at a time. */
  readonly connections: number | null;
  readonly workers: number;
  /** Null where `amount` ends it. */
  readonly durationMs: number | null;
  readonly amount: number | null;
  readonly warmupMs: number;
  /** Rate mode; the warm-up goes at the rate at which the first begins. */
  readonly stages: readonly Stage[] | null;
  readonly arrival: Arrival;
  /** Of the Poisson arrivals. */
  readonly seed: number;
  /** Rate mode: what is due while so many are under way (all workers together) is dropped, and counted. */
  readonly maxInFlight: number;
  readonly requestTimeoutMs: number;
  readonly sliceMs: number;
}

/** False where a request goes out as soon as it is due, so that its service time is its latency. */
export function hasService({ engine }: Pick<BenchPlan, "engine">): boolean {
  return engine !== "autocannon";
}
