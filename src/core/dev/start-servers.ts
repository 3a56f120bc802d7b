import { mkdirSync } from "node:fs";
import { DcsError, isDcsError } from "../errors.ts";
import { type Clock, sleep } from "../util/clock.ts";
import type { DevDirectory, ServerRecord } from "./dev-state.ts";
import type { Engine, EngineName, ServerPlan } from "./engine.ts";
import { ENGINES } from "./engines.ts";
import { areFree, freePorts } from "./free-ports.ts";
import { logTail } from "./log-tail.ts";
import { isRunning, type ProcessMark, startServer, stopServer } from "./server-process.ts";

/** Servers start in a second or two; a full disk cache or a recovery may take longer. */
const START_MS = 60_000;
const ASK_MS = 1000;
const LOOK_MS = 30;
/** The reason may stand above much advice. */
const TAIL_LINES = 40;
/** A port that was free may be taken before the server listens. */
const ATTEMPTS = 3;

export interface StartOptions {
  readonly directory: DevDirectory;
  readonly programs: ReadonlyMap<EngineName, Readonly<Record<string, string>>>;
  /** The whole environment of the servers. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface WantedServer {
  readonly name: string;
  readonly engine: EngineName;
}

/**
 * Starts those that do not run and waits until each of them answers. When one fails or the signal aborts, those that this
 * call started are stopped again. Returns the names of the started ones. ENGINE_FAILED.
 */
export async function startServers(
  wanted: readonly WantedServer[],
  options: StartOptions,
): Promise<readonly string[]> {
  const started = new Map<string, ProcessMark>();
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const known = options.directory.read().servers;
  const fresh = await freePorts(wanted.reduce((sum, { engine }) => sum + ENGINES[engine].ports, 0));
  let taken = 0;
  const work = wanted.map(async (server) => {
    const record = known.find(({ name }) => name === server.name) ?? null;
    const spare = fresh.slice(taken, taken + ENGINES[server.engine].ports);
    taken += spare.length;
    try {
      await new Start(server, record, spare, { ...options, signal }, started).run();
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  const settled = await Promise.allSettled(work);
  const failure = settled.find(({ status }) => status === "rejected");
  if (failure === undefined) return [...started.keys()];
  await rollBack(started, options);
  options.signal.throwIfAborted();
  throw failed.signal.reason;
}

async function rollBack(
  started: ReadonlyMap<string, ProcessMark>,
  { directory, clock }: StartOptions,
): Promise<void> {
  await Promise.all(
    [...started].map(async ([name, mark]) => {
      // The record of one that ended by itself stays: `--status` shows it with its log.
      if (!isRunning(mark)) return;
      if (!(await stopServer(mark, clock))) return;
      const record = directory.read().servers.find((server) => server.name === name);
      if (record !== undefined) directory.record({ ...record, process: null });
    }),
  );
}

class Start {
  readonly #server: WantedServer;
  readonly #engine: Engine;
  readonly #options: StartOptions;
  readonly #started: Map<string, ProcessMark>;
  readonly #record: ServerRecord | null;
  #ports: readonly number[];

  constructor(
    server: WantedServer,
    record: ServerRecord | null,
    spare: readonly number[],
    options: StartOptions,
    started: Map<string, ProcessMark>,
  ) {
    this.#server = server;
    this.#engine = ENGINES[server.engine];
    this.#options = options;
    this.#started = started;
    this.#record = record;
    this.#ports = spare;
  }

  async run(): Promise<void> {
    const record = this.#record;
    if (record !== null && record.process !== null && isRunning(record.process)) {
      const mark = record.process;
      await this.#answers(record.ports, () => !isRunning(mark));
      if (!record.ready) this.#options.directory.record({ ...record, ready: true });
      return;
    }
    if (record !== null && (await areFree(record.ports))) this.#ports = record.ports;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#attempt();
        return;
      } catch (error) {
        if (attempt === ATTEMPTS || !this.#lostItsPort(error)) throw error;
        this.#ports = await freePorts(this.#engine.ports);
      }
    }
  }

  async #attempt(): Promise<void> {
    const { directory, env, clock, signal } = this.#options;
    const plan = this.#plan();
    await this.#prepare(plan);
    signal.throwIfAborted();
    const { program, args } = this.#engine.command(plan);
    const { name, engine } = this.#server;
    const server = await startServer({ program, args, cwd: plan.data, env, log: directory.log(name) });
    const record: ServerRecord = {
      name,
      engine,
      ports: this.#ports,
      process: server.mark,
      startedAt: clock.now(),
      ready: false,
    };
    try {
      directory.record(record);
    } catch (error) {
      server.discard();
      throw error;
    }
    this.#started.set(name, server.mark);
    server.open();
    await this.#answers(this.#ports, () => server.hasEnded());
    directory.record({ ...record, ready: true });
  }

  #plan(): ServerPlan {
    const { directory, programs } = this.#options;
    return {
      name: this.#server.name,
      data: directory.data(this.#server.name),
      log: directory.log(this.#server.name),
      ports: this.#ports,
      programs: programs.get(this.#server.engine) ?? {},
      asRoot: process.getuid?.() === 0,
    };
  }

  async #prepare(plan: ServerPlan): Promise<void> {
    try {
      await this.#engine.prepare(plan, this.#options.env, this.#options.signal);
      // Throws where something else than a directory is in the way.
      mkdirSync(plan.data, { recursive: true, mode: 0o700 });
    } catch (cause) {
      this.#options.signal.throwIfAborted();
      if (isDcsError(cause)) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw this.#failure(`its data directory ${plan.data} could not be made: ${why}`, this.#tail(), cause);
    }
  }

  /** Resolves once the server answers. */
  async #answers(ports: readonly number[], hasEnded: () => boolean): Promise<void> {
    const { clock, signal } = this.#options;
    const deadline = clock.monotonic() + START_MS;
    for (;;) {
      if (hasEnded()) throw this.#failure("it ended", this.#tail());
      try {
        await this.#engine.ask(ports[0] ?? 0, ASK_MS);
        // It may be somebody else who answers there.
        if (!hasEnded()) return;
      } catch (cause) {
        if (clock.monotonic() >= deadline) {
          const why = cause instanceof Error ? cause.message : String(cause);
          throw this.#failure(
            `it did not answer within ${START_MS / 1000} s: ${why}`,
            this.#tail(),
            cause,
            "dcs down && dcs up",
          );
        }
      }
      await sleep(clock, LOOK_MS, signal);
    }
  }

  #tail(): readonly string[] {
    return logTail(this.#options.directory.log(this.#server.name), TAIL_LINES);
  }

  #lostItsPort(error: unknown): boolean {
    return (
      isDcsError(error, "ENGINE_FAILED") &&
      this.#tail().some((line) => /address (?:already )?in use|bind on tcp/i.test(line))
    );
  }

  #failure(why: string, tail: readonly string[], cause?: unknown, hint?: string): DcsError {
    const { name } = this.#server;
    const last = tail.findLast((line) => /\b(?:error|fatal|panic)\b/i.test(line)) ?? tail.at(-1);
    return new DcsError(
      "ENGINE_FAILED",
      `${name} could not be started: ${why}${last === undefined ? "" : `; its log says: ${last}`}`,
      {
        ...(cause === undefined ? {} : { cause }),
        details: { server: name, log: this.#options.directory.log(name), tail },
        ...(hint === undefined ? {} : { hint }),
      },
    );
  }
}
