import { Worker } from "node:worker_threads";
import { entryUrl } from "../../util/entry.ts";
import { now } from "./now.ts";
import { DUE, SEQUENCE, type TickerMemory, tickerMemory } from "./ticker-memory.ts";

/** Wakes more often than this cost more than they tell. */
const SHORTEST_MS = 0.1;

/**
 * Calls back at a time, to about 0.1 ms. Timers of Node know whole milliseconds, and a loop that looks at the clock all the time
 * takes a processor from the target; so a thread sleeps for us until the time has come.
 */
export class Ticker implements AsyncDisposable {
  readonly #memory: TickerMemory;
  readonly #worker: Worker;
  #onTick: (() => void) | null = null;

  private constructor(worker: Worker, memory: TickerMemory) {
    this.#memory = memory;
    this.#worker = worker;
    worker.on("message", () => this.#onTick?.());
  }

  /** Starts the thread. */
  static async open(): Promise<Ticker> {
    const buffer = new SharedArrayBuffer(16);
    const worker = new Worker(entryUrl("bench-ticker"), {
      workerData: buffer,
      execArgv: [],
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
    });
    await new Promise<void>((resolve, reject) => {
      worker.once("online", resolve);
      worker.once("error", reject);
    });
    return new Ticker(worker, tickerMemory(buffer));
  }

  start(onTick: () => void): void {
    this.#onTick = onTick;
  }

  /** One tick, not before `ms` of the monotonic clock; a later call takes the place of an earlier one. */
  at(ms: number): void {
    const { control, times } = this.#memory;
    times[DUE] = Math.max(ms, now() + SHORTEST_MS);
    Atomics.add(control, SEQUENCE, 1);
    Atomics.notify(control, SEQUENCE);
  }

  stop(): void {
    this.#onTick = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#worker.terminate();
  }
}
