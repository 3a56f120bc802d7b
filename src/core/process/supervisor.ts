import type { Readable, Writable } from "node:stream";
import { type Clock, sleep, systemClock } from "../util/clock.ts";
import { CommandGroup } from "./command-group.ts";
import type { ProcessExit } from "./exit-status.ts";
import { findCommand } from "./find-command.ts";
import { GATE_OPEN } from "./gate.ts";
import { signalGroup } from "./process-group.ts";
import { type SpawnedGate, spawnGate } from "./spawn-gate.ts";
import { exitOfJob } from "./terminal-shell.ts";
import { Watchdog, type WatchdogEnd } from "./watchdog.ts";

/** What one of the child's descriptors 0, 1, 2 is: ours, a pipe, nothing, or an open descriptor. */
export type ChildStdio = "inherit" | "pipe" | "ignore" | number;

export interface SuperviseOptions {
  /** As the user typed it; looked up on the PATH of `env`. */
  readonly command: string;
  readonly args?: readonly string[];
  /** The whole environment of the child; ours by default. */
  readonly env?: Readonly<NodeJS.ProcessEnv>;
  readonly cwd?: string;
  /** All inherited by default: they belong to the child. */
  readonly stdio?: readonly [stdin: ChildStdio, stdout: ChildStdio, stderr: ChildStdio];
  /**
   * True gives the command the terminal, if this process is in its foreground and all of stdin, stdout and stderr are
   * it: see `spawnInTerminal`.
   */
  readonly terminal?: boolean;
  /** True starts a watchdog; one started earlier may be given to save its start-up time. */
  readonly watchdog?: boolean | Watchdog;
  /** Between SIGTERM and SIGKILL, unless `stop` says otherwise. */
  readonly graceMs?: number;
  /**
   * What happens to members of the group that still run when the command itself has ended: stopped like by `stop` (the
   * default, because under a lock they would go on unlocked), or left alone and unguarded.
   */
  readonly leftovers?: "stop" | "leave";
  readonly clock?: Clock;
}

export interface StopOptions {
  readonly graceMs?: number;
  /** CLOCK_MONOTONIC ms at which SIGKILL is sent even if the grace is not over. */
  readonly killBy?: number;
  /**
   * What to send first; SIGTERM by default. With another one, members that outlive the command get SIGTERM as soon as it has
   * ended: what a shell runs in the background is deaf to SIGINT.
   */
  readonly signal?: NodeJS.Signals;
}

const DEFAULT_GRACE_MS = 10_000;
/** How long to wait for a group to go after SIGKILL: it may stand in an uninterruptible system call. */
const KILL_WAIT_MS = 10_000;
/** How long a watchdog may take to say why it ended; it may stand still. */
const VERDICT_MS = 500;
const POLL_MIN_MS = 2;
const POLL_MAX_MS = 50;

/**
 * A command in a process group of its own, behind a gate and, if asked for, under a watchdog.
 *
 * Sequence: `start` (group known, nothing runs) → record `group`, `arm` → `open` (the command runs) → `finished`.
 * Unless `inTerminal`, the group has no controlling terminal, so signals of the terminal do not reach it: pass them on with
 * `signal`. Members that leave the group (`setsid`) are out of reach.
 */
export class Supervised implements AsyncDisposable {
  readonly pid: number;
  /** The process group; the same number as `pid`. */
  readonly group: number;
  /** True when the command has the terminal. */
  readonly inTerminal: boolean;
  /** The absolute path that is run. */
  readonly program: string;
  readonly watchdog: Watchdog | null;
  /** How the command itself ended. */
  readonly exited: Promise<ProcessExit>;
  /**
   * Settles when the whole group is gone (with `leftovers: "leave"`, when the command has ended). `groupGone` is false
   * only when members survived SIGKILL for 10 s: then what they hold must not be given away.
   */
  readonly finished: Promise<{ readonly exit: ProcessExit; readonly groupGone: boolean }>;
  /** The parent's ends where `stdio` says `pipe`. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;

  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #gate: Writable;
  readonly #members: CommandGroup;
  readonly #guarded: Promise<void>;
  #opened = false;
  #ended = false;
  #frozen = false;
  /** Nothing of the group is ours any more: its number may soon name another. */
  #over = false;
  /** What `stop` sent first. */
  #asked: NodeJS.Signals = "SIGTERM";
  #killAt = Number.POSITIVE_INFINITY;
  #wake: () => void = () => {};
  #stopping: Promise<boolean> | undefined;

  private constructor(spawned: SpawnedGate, program: string, o: SuperviseOptions) {
    const { process: child, group, gate, inTerminal } = spawned;
    this.pid = group;
    this.group = group;
    this.inTerminal = inTerminal;
    this.#members = new CommandGroup(group, inTerminal ? child : null);
    this.program = program;
    this.#clock = o.clock ?? systemClock;
    this.#graceMs = o.graceMs ?? DEFAULT_GRACE_MS;
    this.#gate = gate;
    gate.on("error", () => {});
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    this.exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#ended = true;
        gate.destroy();
        this.#wake();
        resolve(inTerminal ? exitOfJob({ code, signal }) : { code, signal });
      });
    });
    this.watchdog = startWatchdog(o.watchdog, group);
    this.#guarded = this.watchdog?.guard(this.group) ?? Promise.resolve();
    // Reported by open(); without this, a caller that stops before opening would crash on it.
    this.#guarded.catch(() => {});
    this.finished = this.#finish(o.leftovers ?? "stop");
  }

  /**
   * Makes the group and starts the watchdog; the command waits behind the gate.
   * COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, WATCHDOG_LOST.
   */
  static async start(options: SuperviseOptions): Promise<Supervised> {
    const env = options.env ?? process.env;
    const { cwd } = options;
    const program = findCommand(options.command, { path: env["PATH"], cwd });
    return new Supervised(await spawnGate(program, env, options), program, options);
  }

  /** The watchdog's control descriptor, for a thread that moves the deadline; null without a watchdog. */
  get watchdogFd(): number | null {
    return this.watchdog?.fd ?? null;
  }

  /**
   * How the watchdog ended, as soon as it does; never settles without one. `died`: the group is unguarded from now on.
   * `deadline` is known before `finished` settles.
   */
  get watchdogEnded(): Promise<WatchdogEnd> {
    return this.watchdog?.ended ?? new Promise(() => {});
  }

  /** True once the command was let run; what ended before never ran. */
  get opened(): boolean {
    return this.#opened;
  }

  /** True while the group is stopped by `freeze`. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Tells the watchdog the deadline (CLOCK_MONOTONIC ms). False when it could not be told. True without a watchdog. */
  arm(deadline: number): boolean {
    return this.watchdog?.arm(deadline) ?? true;
  }

  /** Lets the command run, once the watchdog guards it. When that fails, stops the gate and throws WATCHDOG_LOST. */
  async open(): Promise<void> {
    try {
      await this.#guarded;
    } catch (error) {
      await this.stop({ graceMs: 0 });
      throw error;
    }
    if (this.#opened || this.#ended || this.#stopping) return;
    this.#opened = true;
    this.#gate.end(GATE_OPEN);
  }

  /** Sends a signal to the whole group. False when there is none any more. */
  signal(signal: NodeJS.Signals): boolean {
    return !this.#over && this.#members.signal(signal);
  }

  /** Stops the whole group where it stands (SIGSTOP). */
  freeze(): void {
    this.#frozen = !this.#over && this.#members.freeze();
  }

  /** Lets a frozen group go on (SIGCONT). */
  thaw(): void {
    this.#frozen = false;
    if (!this.#over) this.#members.thaw();
  }

  /**
   * Ends the group: signal, grace, SIGKILL; resolves when all of it is gone (false: see `finished`). A group that is
   * frozen gets SIGKILL at once: it must not run again, and could not react to anything else. May be called again to
   * shorten the grace.
   */
  stop(options: StopOptions = {}): Promise<boolean> {
    if (this.#over) return this.#stopping ?? Promise.resolve(true);
    const grace = this.#frozen ? 0 : (options.graceMs ?? this.#graceMs);
    const killAt = Math.min(this.#clock.monotonic() + grace, options.killBy ?? Number.POSITIVE_INFINITY);
    this.#killAt = Math.min(this.#killAt, killAt);
    if (!this.#stopping) {
      this.#asked = options.signal ?? "SIGTERM";
      if (grace > 0) this.signal(this.#asked);
      this.#stopping = this.#untilGone();
    }
    this.#wake();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.stop();
    await this.finished;
  }

  async #finish(leftovers: "stop" | "leave"): Promise<{ exit: ProcessExit; groupGone: boolean }> {
    const exit = await this.exited;
    const leave = leftovers === "leave" && !this.#stopping;
    const groupGone = leave ? !this.#members.alive : await this.#clear();
    this.#over = groupGone || leave;
    // With survivors the watchdog stays, and kills them again when we exit.
    if (this.#over) await this.#dismiss(exit.signal === "SIGKILL" || this.#stopping !== undefined);
    return { exit, groupGone };
  }

  /** `listen`: it may have been the watchdog that killed, and whoever waits for us must hear so first. */
  async #dismiss(listen: boolean): Promise<void> {
    if (!this.watchdog) return;
    this.watchdog.done();
    if (!listen) return;
    const heard = new AbortController();
    const enough = sleep(this.#clock, VERDICT_MS, heard.signal).catch(() => {});
    await Promise.race([this.watchdog.ended, enough]);
    heard.abort();
  }

  async #clear(): Promise<boolean> {
    if (this.#stopping !== undefined) {
      if (this.#asked !== "SIGTERM") this.signal("SIGTERM");
      return this.#stopping;
    }
    return this.#members.alive ? this.stop() : true;
  }

  async #untilGone(): Promise<boolean> {
    let pause = POLL_MIN_MS;
    let killedAt: number | undefined;
    // Until the command itself has been reaped, its pid keeps the group.
    while (!this.#ended || this.#members.alive) {
      const now = this.#clock.monotonic();
      if (now >= this.#killAt) {
        if (killedAt === undefined) pause = POLL_MIN_MS;
        killedAt ??= now;
        if (now - killedAt > KILL_WAIT_MS) return false;
        this.signal("SIGKILL");
      }
      const left = killedAt === undefined ? Math.max(1, this.#killAt - now) : pause;
      await this.#pause(Math.min(pause, left));
      pause = Math.min(pause * 2, POLL_MAX_MS);
    }
    this.#over = true;
    return true;
  }

  /** Waits `ms`, or until the command ends or `stop` is called again. */
  async #pause(ms: number): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await sleep(this.#clock, ms, woken.signal).catch(() => {});
  }
}

function startWatchdog(wanted: boolean | Watchdog | undefined, pid: number): Watchdog | null {
  if (typeof wanted === "object") return wanted;
  if (wanted !== true) return null;
  try {
    return Watchdog.start();
  } catch (error) {
    signalGroup(pid, "SIGKILL");
    throw error;
  }
}
