import type { Dispatcher } from "undici";
import type { Call } from "./driver.ts";
import { failureKind, sayFailure } from "./failure-kind.ts";
import type { HttpConnection } from "./http-driver.ts";
import type { StatusTable } from "./status-table.ts";

/** What each request of a lane has in common. */
export interface HttpShot {
  readonly options: Dispatcher.DispatchOptions;
  readonly okStatuses: StatusTable;
}

/** A connection, and how many more requests it takes now. */
export interface HttpLane extends HttpConnection {
  free: number;
}

const MAX_RESETS = 2;

/** One request to a client of undici. What the body holds is counted and thrown away. */
export class HttpFlight implements Dispatcher.DispatchHandler {
  readonly #call: Call;
  readonly #shot: HttpShot;
  readonly #release: (lane: HttpLane) => void;
  #lane: HttpLane | null = null;
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #bytes = 0;
  #resets = 0;
  #isCancelled = false;

  /** `release` is called once for the lane that it was given, when it needs it no more. */
  constructor(call: Call, shot: HttpShot, release: (lane: HttpLane) => void) {
    this.#call = call;
    this.#shot = shot;
    this.#release = release;
  }

  begin(lane: HttpLane): void {
    this.#lane = lane;
    this.#dispatch(lane);
  }

  /** Ends it; its connection is closed when something was sent. */
  cancel(): void {
    this.#isCancelled = true;
    this.#controller?.abort(new Error("given up"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isCancelled) controller.abort(new Error("given up"));
    else this.#call.began();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    if (status >= 200) this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
  }

  onResponseEnd(): void {
    const status = this.#status;
    if (this.#isCancelled) {
      this.#end();
      return;
    }
    const isOk = this.#shot.okStatuses.has(status);
    // The lane is free before the call ends: its end may be what sends the next.
    this.#end();
    if (isOk) this.#call.ok(this.#bytes);
    else this.#call.failed(String(status), `the target answered ${status}`);
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController): void {
    controller.abort(new Error("it answered with an upgrade that nobody asked for"));
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: unknown): void {
    // A kept connection that the server closed before anything was written to it takes what waits for it along.
    const isReset = this.#controller === null && failureKind(error) === "ECONNRESET";
    if (isReset && !this.#isCancelled && this.#lane !== null && this.#resets < MAX_RESETS) {
      this.#resets += 1;
      this.#dispatch(this.#lane);
      return;
    }
    this.#fail(error);
  }

  #dispatch({ client }: HttpLane): void {
    try {
      client.dispatch(this.#shot.options, this);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#end();
    if (!this.#isCancelled) this.#call.failed(failureKind(error), sayFailure(error));
  }

  #end(): void {
    const lane = this.#lane;
    this.#lane = null;
    if (lane !== null) this.#release(lane);
  }
}
