import { Worker } from "node:worker_threads";
import { entryUrl } from "../util/entry.ts";
import type { GuardCommand, GuardReport, GuardThreadData } from "./guard-messages.ts";

/** The main thread's side of the guard's thread. Start it early: it opens its own connection while the lock is awaited. */
export class GuardThread {
  /** Resolves when the thread has its connection; rejects when the thread dies before. */
  readonly ready: Promise<void>;
  /** Rejects when the thread dies; never resolves. */
  readonly failed: Promise<never>;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  constructor(address: GuardThreadData, onReport: (report: GuardReport) => void) {
    this.#worker = new Worker(entryUrl("guard-thread"), {
      workerData: address,
      execArgv: [],
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
    const ended = Promise.withResolvers<void>();
    this.#ended = ended.promise;
    this.failed = new Promise((_, reject) => {
      this.#worker.once("error", (error) => {
        ended.resolve();
        reject(error);
      });
    });
    this.failed.catch(() => {});
    this.#worker.once("exit", () => ended.resolve());
    const ready = Promise.withResolvers<void>();
    this.ready = Promise.race([ready.promise, this.failed]);
    this.ready.catch(() => {});
    this.#worker.on("message", (report: GuardReport) => {
      if (report.type === "ready") ready.resolve();
      else onReport(report);
    });
  }

  keep(command: Omit<Extract<GuardCommand, { type: "keep" }>, "type">): void {
    this.#send({ type: "keep", ...command });
  }

  /** Stops renewing and closes the thread's connection; the hold itself is left as it is. */
  async stop(): Promise<void> {
    this.#send({ type: "stop" });
    await this.#ended;
  }

  #send(command: GuardCommand): void {
    this.#worker.postMessage(command);
  }
}
