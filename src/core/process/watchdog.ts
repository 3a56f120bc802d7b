import { type ChildProcess, spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { DcsError } from "../errors.ts";
import { entryUrl } from "../util/entry.ts";

/**
 * How a watchdog ended: `done` it was told to; `deadline` it killed the group because the deadline passed; `died` it was
 * killed or failed, and nothing guards the group any more.
 */
export type WatchdogEnd = "done" | "deadline" | "died";

/** What to write to a watchdog's `fd` to move its deadline; also for a thread that writes by itself. */
export function deadlineLine(monotonicMs: number): string {
  return `deadline ${monotonicMs}\n`;
}

/**
 * A process that SIGKILLs a process group when this process dies (kill -9 included) or a deadline passes.
 * It takes ~25 ms to start, so start it early: it does no harm before `guard`, and exits with us.
 */
export class Watchdog implements Disposable {
  readonly pid: number;
  /** Waiting for this alone does not keep our process alive: a watchdog that stands still must not hold up our end. */
  readonly ended: Promise<WatchdogEnd>;
  readonly #process: ChildProcess;
  readonly #control: Socket;
  readonly #fd: number;
  readonly #acked = new Set<number>();
  readonly #waiting = new Map<number, () => void>();
  #state: "running" | "told" | WatchdogEnd = "running";
  #fdShared = false;
  #deadlineHit = false;

  private constructor(child: ChildProcess, pid: number, control: Socket, fd: number, answers: Socket) {
    this.#process = child;
    this.pid = pid;
    this.#control = control;
    this.#fd = fd;
    control.on("error", () => {});
    // Node closes a child's stdin when it exits. Here the number must stay ours: a thread that still writes to it would
    // otherwise write into whatever file is opened next.
    child.stdin = null;
    const answered = new Promise<void>((resolve) => answers.once("close", resolve));
    answers.on("error", () => {});
    this.#listen(answers);
    this.ended = new Promise((resolve) => {
      child.once("exit", () => {
        // Its last line may still be on the way.
        void answered.then(() => {
          const end = this.#deadlineHit ? "deadline" : this.#state === "told" ? "done" : "died";
          this.#state = end;
          if (!this.#fdShared) control.destroy();
          resolve(end);
        });
      });
    });
    child.unref();
    control.unref();
    answers.unref();
  }

  /**
   * Where control lines go: writable from any thread of this process, with `writeSync(fd, deadlineLine(ms))`. Once asked
   * for, it stays open until `dispose`; no thread may write after that, for the number may then name another file.
   */
  get fd(): number {
    this.#fdShared = true;
    return this.#fd;
  }

  /** Starts one. Throws WATCHDOG_LOST when no process can be made. */
  static start(): Watchdog {
    const entry = fileURLToPath(entryUrl("watchdog"));
    const child = spawn(process.execPath, ["--v8-pool-size=0", "--max-old-space-size=16", entry], {
      argv0: "dcs-watchdog",
      // In a session of its own, so that Ctrl-C and hang-ups of the terminal pass it by.
      detached: true,
      cwd: "/",
      // Nothing inherited: NODE_OPTIONS could slow it down, break it, or open a debugger.
      env: {},
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.on("error", () => {});
    const { pid, stdin, stdout } = child;
    const fd = stdin instanceof Socket ? descriptor(stdin) : undefined;
    if (pid === undefined || fd === undefined || !(stdin instanceof Socket) || !(stdout instanceof Socket)) {
      child.kill("SIGKILL");
      throw new DcsError("WATCHDOG_LOST", "the watchdog process could not be started");
    }
    return new Watchdog(child, pid, stdin, fd, stdout);
  }

  /** Makes it guard the group; resolves once it does. WATCHDOG_LOST when it is not there any more. */
  async guard(group: number): Promise<void> {
    const acked = this.#acked.has(group)
      ? Promise.resolve()
      : new Promise<void>((resolve) => this.#waiting.set(group, resolve));
    this.#process.ref();
    const sent = this.#write(`group ${group}\n`);
    const first = sent ? await Promise.race([acked, this.ended]) : "died";
    this.#process.unref();
    if (first !== undefined)
      throw new DcsError("WATCHDOG_LOST", "the watchdog process ended before it began");
  }

  /**
   * Sets the deadline, CLOCK_MONOTONIC ms, in place of the one before; Infinity for none. False when it could not be
   * told, because it is gone or stands still.
   */
  arm(monotonicMs: number): boolean {
    return this.#write(deadlineLine(monotonicMs));
  }

  /** Ends it without a kill. Call this only when the group is gone, or may go on unguarded. */
  done(): void {
    if (this.#state !== "running") return;
    this.#write("done\n");
    this.#state = "told";
  }

  [Symbol.dispose](): void {
    this.done();
    this.#control.destroy();
  }

  /** A small line to a socket goes out whole or not at all. */
  #write(line: string): boolean {
    if (this.#state !== "running") return false;
    try {
      return writeSync(this.#fd, line) === line.length;
    } catch {
      return false;
    }
  }

  #listen(answers: Socket): void {
    let rest = "";
    answers.setEncoding("latin1");
    answers.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const [word, value] = line.split(" ");
        if (word === "killed" && value === "deadline") this.#deadlineHit = true;
        if (word !== "group") continue;
        this.#acked.add(Number(value));
        this.#waiting.get(Number(value))?.();
      }
    });
  }
}

/** The file descriptor of a pipe of ours. Node shows it nowhere else, and only a descriptor can be used by a thread. */
function descriptor(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}
