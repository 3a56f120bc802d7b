import { Worker } from "node:worker_threads";
import { entryUrl } from "../util/entry.ts";
import type { GuardCommand, GuardReport, GuardThreadData } from "./guard-messages.ts";

export interface GuardThreadParts {
  readonly address: GuardThreadData;
  readonly onReport: (report: GuardReport) => void;
  /** The thread could not be started, or died. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * The main thread's side of the guard's thread. Nothing is started before `open` or `keep`: the thread, its driver and its
 * connection cost more than all the rest of a short command.
 */
export class GuardThread {
  readonly #parts: GuardThreadParts;
  #worker: Worker | null = null;
  /** Settles when there is a connection, or none could be made, or the thread has ended. */
  readonly #settled = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #connecting = true;
  #failure: { readonly error: unknown } | null = null;

  constructor(parts: GuardThreadParts) {
    this.#parts = parts;
  }

  /** Starts it, and resolves when it has its connection or has seen that it gets none now; rejects when it died. */
  async open(): Promise<void> {
    this.#start();
    await this.#settled.promise;
    if (this.#failure !== null) throw this.#failure.error;
  }

  keep(command: Omit<Extract<GuardCommand, { type: "keep" }>, "type">): void {
    this.#start();
    this.#send({ type: "keep", ...command });
  }

  /** Stops renewing and closes the thread's connection; the hold itself is left as it is. */
  async stop(): Promise<void> {
    if (this.#worker === null) return;
    // What has no connection has renewed nothing, and who waits for the lock must not wait for it.
    if (this.#connecting) void this.#worker.terminate();
    else this.#send({ type: "stop" });
    await this.#ended.promise;
  }

  #start(): void {
    if (this.#worker !== null || this.#failure !== null) return;
    try {
      this.#worker = this.#begin();
    } catch (error) {
      this.#fail(error);
    }
  }

  #begin(): Worker {
    const worker = new Worker(entryUrl("guard-thread"), {
      workerData: this.#parts.address,
      execArgv: [],
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
    worker.once("error", (error) => this.#fail(error));
    worker.once("exit", () => this.#end());
    worker.on("message", (report: GuardReport) => {
      if (report.type === "ready") this.#settle();
      else this.#parts.onReport(report);
    });
    return worker;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#end();
    this.#parts.onFailure(error);
  }

  #end(): void {
    this.#settle();
    this.#ended.resolve();
  }

  #settle(): void {
    this.#connecting = false;
    this.#settled.resolve();
  }

  #send(command: GuardCommand): void {
    this.#worker?.postMessage(command);
  }
}
