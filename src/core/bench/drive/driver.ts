/** As `Call.instance`: it went nowhere. */
export const NO_INSTANCE = -1;

/** A request under way, as its driver sees it. Exactly one of `ok` and `failed` ends it, unless it is cancelled. */
export interface Call {
  /**
   * Where it went: the number of the instance, set by the driver before it says anything; 0 where there is but one, NO_INSTANCE
   * where there was none to take it.
   */
  instance: number;
  /** Set by the driver: ends the request at once. Nothing is said of it after that. */
  cancel: (() => void) | null;
  /** Its first byte is written now. */
  began(): void;
  ok(bytes: number): void;
  /**
   * It has no good answer. `kind` is short and one of few (`503`, `ECONNREFUSED`, `closed`), `example` says more, without
   * secrets.
   */
  failed(kind: string, example: string): void;
}

/** Sends requests of one kind to one target: the part of a benchmark that knows a protocol. One for each worker. */
export interface Driver {
  /** Sends one request, at once or when a connection is free. Never throws; may end the call before it returns. */
  send(call: Call): void;
  /** The instances of the service have changed; only for targets that are services. */
  follow?(instances: readonly DriverInstance[]): void;
  /** Ends all requests, without a word of them, and closes all connections. */
  close(): Promise<void>;
}

/** One instance of a service. `index` never changes, and no other instance gets it. */
export interface DriverInstance {
  readonly index: number;
  /** `host:port` */
  readonly endpoint: string;
  readonly version: string | null;
  readonly weight: number;
}

/** What one worker may use of the target. */
export interface DriverShare {
  /** Connections at most; null: as many as are needed at once. */
  readonly connections: number | null;
  readonly requestTimeoutMs: number;
  /** This worker, from 0. */
  readonly worker: number;
}
