import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { signalGroup } from "../../process/process-group.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import { entryUrl } from "../../util/entry.ts";
import { decodeEvent, type HistoryEvent } from "./history.ts";
import type { Register } from "./register.ts";
import { parseAsk, STOP, type TortureAsk, type TortureOrder } from "./torture-messages.ts";

export interface TortureWorkerOptions {
  readonly order: TortureOrder;
  /** What each lock protects. */
  readonly registers: ReadonlyMap<string, Register>;
  readonly clock: Clock;
  readonly onEvent: (event: HistoryEvent) => void;
}

/** One process of a torture run, seen from dcs. */
export class TortureWorker {
  /** The number of the next attempt, for the worker that comes after this one. */
  nextHold: number;
  /** What it said last; null before it said anything. */
  last: HistoryEvent | null = null;
  /** Resolves when the process is gone and everything it said was heard. */
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  readonly #options: TortureWorkerOptions;
  #killedAt: number | null = null;
  #toldToStop = false;

  constructor(options: TortureWorkerOptions) {
    this.#options = options;
    this.nextHold = options.order.firstHold;
    const entry = fileURLToPath(entryUrl("torture-worker"));
    this.#process = spawn(process.execPath, ["--max-old-space-size=128", entry], {
      argv0: "dcs-torture-worker",
      // In a session of its own, so that Ctrl-C of the terminal passes it by.
      detached: true,
      cwd: "/",
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#process.on("error", () => {});
    this.#process.stdin?.on("error", () => {});
    if (this.#process.stdout !== null)
      createInterface({ input: this.#process.stdout }).on("line", (line) => this.#hear(line));
    this.ended = new Promise((resolve) => {
      this.#process.once("close", () => {
        this.#noteCrash();
        resolve();
      });
    });
    this.#write(JSON.stringify(options.order));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** True while it seems to hold a lock; it may have gone on since it said so. */
  get isHolding(): boolean {
    return this.last !== null && ["acquired", "renewed"].includes(this.last.type);
  }

  /** When it was killed; null when it was not. */
  get killedAt(): number | null {
    return this.#killedAt;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#killedAt = this.#options.clock.monotonic();
    this.#process.kill("SIGKILL");
    await this.ended;
  }

  /** Lets it stand still for a time. Should dcs be killed meanwhile, it goes on all the same, and finds dcs gone. */
  async freeze(ms: number, signal: AbortSignal): Promise<void> {
    const { pid } = this.#process;
    if (pid === undefined) return;
    const waker = spawn("sh", ["-c", `sleep ${Math.ceil(ms / 1000) + 1}; kill -CONT ${pid}`], {
      ...{ detached: true, stdio: "ignore", cwd: "/" },
    });
    waker.on("error", () => {});
    waker.unref();
    this.#note("stopped");
    this.#process.kill("SIGSTOP");
    await sleep(this.#options.clock, ms, signal).catch(() => {});
    this.#process.kill("SIGCONT");
    this.#note("continued");
    if (waker.pid !== undefined) signalGroup(waker.pid, "SIGKILL");
  }

  /** Tells it to release what it holds and end; kills it when it has not ended after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#toldToStop = true;
    this.#write(STOP);
    const cancel = this.#options.clock.timer(graceMs, () => void this.kill());
    await this.ended;
    cancel();
  }

  #hear(line: string): void {
    const question = parseAsk(line);
    if (question !== null) {
      this.#write(JSON.stringify(this.#answer(question)));
      return;
    }
    const event = decodeEvent(line);
    if (event === null) return;
    this.last = event;
    this.nextHold = Math.max(this.nextHold, event.hold + 1);
    this.#options.onEvent(event);
  }

  #answer(question: TortureAsk): object {
    const register = this.#options.registers.get(question.lock);
    if (register === undefined) throw new Error(`no register ${question.lock}`);
    if (question.ask === "read") return register.read(question.fence);
    const { fence, id, value, open } = question;
    return { accepted: register.write(fence, id, value, open) };
  }

  /** Only now is it known which of its attempts was the last. One that died by itself did so after its last word. */
  #noteCrash(): void {
    if (this.last === null || (this.#toldToStop && this.#killedAt === null)) return;
    this.#options.onEvent({ ...whereOf(this.last), type: "crashed", at: this.#killedAt ?? this.last.at });
  }

  #note(type: "stopped" | "continued"): void {
    if (this.last === null) return;
    this.#options.onEvent({ ...whereOf(this.last), type, at: this.#options.clock.monotonic() });
  }

  #write(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }
}

function whereOf({ lock, worker, hold }: HistoryEvent): Pick<HistoryEvent, "lock" | "worker" | "hold"> {
  return { lock, worker, hold };
}
