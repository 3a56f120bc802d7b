/** gRPC status codes that dcs tells apart. */
export const GRPC = {
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/**
 * What a failed call did. `unsent`: the server never saw it. `refused`: the server answered that it did nothing.
 * `unknown`: it may have been done, may be done yet, or not.
 */
export type Outcome = "unsent" | "refused" | "unknown";

/** INVALID_ARGUMENT to UNIMPLEMENTED as etcd uses them: it looked at the request and did nothing. */
const REFUSALS: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 9, 11, 12, 16]);

/** What grpc-js says when it had no connection to send on, and etcd when it turned the call away at the door. */
const UNSENT =
  /^(?:No connection established|Name resolution failed|Channel closed before call started|etcdserver: no leader$)/;

/** One call to one endpoint that failed. `message` is what the server or grpc-js said. */
export class RpcFailure extends Error {
  override readonly name = "RpcFailure";
  readonly code: number;
  readonly endpoint: string;
  readonly outcome: Outcome;

  constructor(endpoint: string, code: number, message: string, outcome: Outcome = outcomeOf(code, message)) {
    super(message);
    this.code = code;
    this.endpoint = endpoint;
    this.outcome = outcome;
  }

  /** The token was not accepted, so nothing was done; a new one may be. */
  get needsNewToken(): boolean {
    return (
      this.code === GRPC.unauthenticated ||
      /revision of auth store is old|invalid auth token|user name is empty/.test(this.message)
    );
  }

  get isDenial(): boolean {
    return (
      this.code === GRPC.permissionDenied ||
      this.code === GRPC.unauthenticated ||
      /authentication failed|user name is empty|permission denied|invalid auth token/.test(this.message)
    );
  }

  get isNoSpace(): boolean {
    return /database space exceeded/.test(this.message);
  }

  get isTooBusy(): boolean {
    return /too many requests/.test(this.message);
  }

  get isLeaseGone(): boolean {
    return this.code === GRPC.notFound && /lease not found/.test(this.message);
  }

  get isLeaseThere(): boolean {
    return this.code === GRPC.failedPrecondition && /lease already exists/.test(this.message);
  }

  get isAuthOff(): boolean {
    return /authentication is not enabled/.test(this.message);
  }

  /** The reason in a few words: grpc-js wraps what the socket said. */
  get why(): string {
    const [, inner = this.message] =
      /Last error: (?:Error: )?(.*?)(?:\. Resolution note:.*)?$/s.exec(this.message) ?? [];
    const resolution = /^Name resolution failed for target (?:\w+:)?(\S+)/.exec(inner);
    if (resolution !== null) return `the name ${resolution[1]} cannot be resolved`;
    return inner
      .replace(/^(?:etcdserver|Error): /, "")
      .replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)$/, "")
      .replace(/^[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:([^:]+):.*$/s, "TLS: $1")
      .replaceAll(/\s+/g, " ")
      .trim();
  }
}

function outcomeOf(code: number, message: string): Outcome {
  if (code === GRPC.unavailable && UNSENT.test(message)) return "unsent";
  return REFUSALS.has(code) ? "refused" : "unknown";
}
