import { failureKind, sayFailure } from "../drive/failure-kind.ts";
import type { StatusTable } from "../drive/status-table.ts";
import { now } from "./now.ts";
import type { Ended, Recorder } from "./recorder.ts";

/** What is used of a client of autocannon 9.0.0: one connection, one request at a time. */
export interface AutocannonClient {
  readonly parser: { initialize(type: string): void; execute(chunk: Buffer): unknown };
  /** None before the first. */
  readonly conn: { destroy(error?: Error): void } | undefined;
  readonly destroyed: boolean;
  readonly reqsMade: number;
  responseMax: number | undefined;
  _connect(): void;
  _doRequest(): void;
  _destroyConnection(): void;
  emit(event: string, ...about: unknown[]): boolean;
}

/** What all clients of a load share. */
export interface AutocannonTally {
  readonly recorder: Recorder;
  readonly okStatuses: StatusTable;
  readonly timeoutMs: number;
  /** A request goes out at this time, which is now; says whether it is measured. */
  readonly onRequest: (atMs: number) => boolean;
}

/** A target that is gone is not asked a hundred thousand times a second. */
const FAILED_MS = 20;
/** Timers of Node may be so early. */
const EARLY_MS = 5;

/**
 * Counts the requests of one client itself, to the microsecond, and mends what autocannon leaves undone: a connection that closes
 * under a request is no answer (autocannon counts nothing); an answer with `Connection: close` needs a new connection before the
 * next request; the parser begins anew with each connection, and what it cannot read ends the connection.
 */
export function countClient(client: AutocannonClient, tally: AutocannonTally): () => Ended | null {
  const { recorder, okStatuses, timeoutMs } = tally;
  // One object for all requests of the client: there is never more than one.
  const request: { -readonly [K in keyof Ended]: Ended[K] } = {
    dueMs: 0,
    launchedMs: 0,
    beganMs: 0,
    instance: 0,
  };
  let pending: Ended | null = null;
  let isMeasured = false;
  let isClosing = false;
  let hasHead = false;
  let waiting: NodeJS.Timeout | null = null;
  let failedAt = Number.NEGATIVE_INFINITY;
  let garbage: Error | null = null;

  const settle = (): Ended | null => {
    const ended = pending;
    pending = null;
    return isMeasured ? ended : null;
  };
  /** There will be no answer to what is pending. */
  const lose = () => {
    const unread = garbage;
    garbage = null;
    const ended = settle();
    if (ended === null) return;
    const at = now();
    if (unread !== null) recorder.failed(ended, at, "garbage", sayFailure(unread));
    else if (at - ended.dueMs >= timeoutMs - EARLY_MS) recorder.timedOut(ended, at);
    else
      recorder.failed(
        ended,
        at,
        "closed",
        `the connection was closed ${hasHead ? "within" : "without"} an answer`,
      );
  };

  const connect = client._connect.bind(client);
  const doRequest = client._doRequest.bind(client);
  client._connect = () => {
    lose();
    // Nothing that still comes of the one before may be taken for an event of the next.
    if (client.conn !== undefined) client._destroyConnection();
    if (waiting !== null) return;
    if (now() - failedAt >= FAILED_MS) {
      begin();
      return;
    }
    waiting = setTimeout(() => {
      waiting = null;
      if (!client.destroyed) begin();
    }, FAILED_MS);
  };
  const begin = () => {
    client.parser.initialize("RESPONSE");
    isClosing = false;
    connect();
  };
  client._doRequest = () => {
    if (!isClosing) {
      doRequest();
      return;
    }
    client._destroyConnection();
    client._connect();
  };
  const { parser } = client;
  const execute = parser.execute.bind(parser);
  parser.execute = (chunk) => {
    const result = execute(chunk);
    if (result instanceof Error) {
      garbage = result;
      failedAt = now();
      client.conn?.destroy(result);
    }
    return result;
  };

  const onRequest = () => {
    const at = now();
    isMeasured = tally.onRequest(at);
    hasHead = false;
    request.dueMs = at;
    request.launchedMs = at;
    request.beganMs = at;
    pending = request;
  };
  const onResponse = (status: number, bytes: number) => {
    if (pending === null) return;
    const ended = settle();
    const isOk = okStatuses.has(status);
    if (ended === null) {
      if (isOk) recorder.carriedOver(now());
    } else if (isOk) recorder.ok(ended, now(), bytes);
    else recorder.failed(ended, now(), String(status), `the target answered ${status}`);
  };
  const onError = (error: Error) => {
    failedAt = now();
    if (garbage !== null) return;
    const ended = settle();
    if (ended !== null) recorder.failed(ended, failedAt, failureKind(error), sayFailure(error));
  };
  const emit = client.emit.bind(client);
  // In place of listeners: what autocannon itself would count is not counted twice, and an event a request costs no list.
  client.emit = (event, first, second) => {
    switch (event) {
      case "request":
        onRequest();
        return true;
      case "headers":
        hasHead = true;
        if (!(first as { readonly shouldKeepAlive: boolean }).shouldKeepAlive) isClosing = true;
        return true;
      case "body":
        return true;
      case "response":
        onResponse(first as number, second as number);
        return true;
      case "connError":
        onError(first as Error);
        return true;
      default:
        return emit(event, first, second);
    }
  };
  return settle;
}
