import { type Clock, sleep, systemClock } from "../../util/clock.ts";
import { randomHex } from "../../util/ids.ts";
import { seededRandom } from "../../util/seeded-random.ts";
import type { LockDriver } from "../lock.ts";
import { type LocksAddress, openLocks } from "../open-locks.ts";
import type { HistoryEvent } from "./history.ts";
import { FEWEST, judge } from "./judge.ts";
import { Register } from "./register.ts";
import { StallMeter } from "./stall-meter.ts";
import type { TortureReport } from "./torture-report.ts";
import { TortureWorker } from "./torture-worker.ts";

export interface TortureOptions {
  readonly locks: LocksAddress;
  /** How long the workers work, ms. */
  readonly durationMs: number;
  /** How many processes take the locks. */
  readonly workers: number;
  /** Of each hold, ms; raised to what the backend can keep. */
  readonly ttlMs: number;
  /** Decides the holds, and which worker is killed or stopped when. */
  readonly seed: number;
  /** Kill workers with SIGKILL, and stop them for longer than the TTL. */
  readonly kill: boolean;
  /** Ends the run early; what was seen until then is judged all the same. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TortureProgress) => void;
  /** Every event of the history, as it is heard. */
  readonly onEvent?: (event: HistoryEvent) => void;
  readonly clock?: Clock;
}

/** How far a run is. */
export interface TortureProgress {
  readonly elapsedMs: number;
  readonly acquisitions: number;
  readonly kills: number;
  readonly stops: number;
}

/** All names begin so; a run has a random part behind it. */
const PREFIX = "dcs-torture";
const PROGRESS_MS = 250;
/** Workers that take longer to start are not waited for, ms. */
const START_MS = 10_000;
/** A lock for so many workers, so that each has a queue. */
const WORKERS_A_LOCK = 4;
/** etcd ends a lease up to so much after its TTL, ms: it looks twice a second. */
const LEASE_LAG_MS = 1000;

/**
 * Tries to break the locks of a backend: processes take them, hold them for random times, write under them, are killed and
 * stopped, and everything they saw is checked. Everything it makes in the backend has a random name and is removed at the end.
 *
 * Rejects when the backend cannot be opened (URL_INVALID, STORE_UNREACHABLE and their kin); what goes wrong later is part of
 * the report.
 */
export async function runTorture(options: TortureOptions): Promise<TortureReport> {
  await using locks = await openLocks(options.locks);
  return await new Torture(options, locks).run();
}

class Torture {
  readonly #options: TortureOptions;
  readonly #locks: LockDriver;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #prefix = `${PREFIX}/${randomHex(6)}`;
  readonly #registers: ReadonlyMap<string, Register>;
  readonly #history: HistoryEvent[] = [];
  readonly #crew = new Map<number, TortureWorker>();
  readonly #over = new AbortController();
  #lastKillAt = Number.NEGATIVE_INFINITY;
  #acquisitions = 0;
  #kills = 0;
  #stops = 0;

  constructor(options: TortureOptions, locks: LockDriver) {
    this.#options = options;
    this.#locks = locks;
    this.#clock = options.clock ?? systemClock;
    this.#ttlMs = Math.max(options.ttlMs, locks.capabilities.minTtlMs);
    const count = Math.max(1, Math.floor(options.workers / WORKERS_A_LOCK));
    this.#registers = new Map(
      Array.from({ length: count }, (_, index) => [`${this.#prefix}/${index + 1}`, new Register()]),
    );
  }

  async run(): Promise<TortureReport> {
    const { signal, durationMs, workers, kill } = this.#options;
    // A driver may connect only when it is used: what is not there is an error, and no verdict.
    await this.#locks.inspect(`${this.#prefix}/1`, signal);
    const meter = new StallMeter(this.#clock);
    const posts = Array.from({ length: workers }, (_, index) => this.#post(index + 1));
    await this.#started(signal);
    const begin = this.#clock.monotonic();
    const faults = kill ? this.#doFaults() : Promise.resolve();
    const ticker = this.#tick(begin);
    await sleep(this.#clock, durationMs, signal).catch(() => {});
    const lasted = this.#clock.monotonic() - begin;
    this.#over.abort();
    await Promise.all([...posts, faults, ticker]);
    const { longestStallMs, suspendedMs } = meter.stop();
    const judgement = judge({
      history: this.#history,
      ledgers: [...this.#registers.values()].map(({ ledger }) => ledger),
      isFifo: this.#locks.capabilities.fifo,
      ...{ kill, ttlMs: this.#ttlMs, longestStallMs, suspendedMs },
    });
    return {
      ...judgement,
      backend: this.#locks.backend,
      url: this.#locks.url,
      seed: this.#options.seed,
      prefix: this.#prefix,
      workers,
      locks: this.#registers.size,
      ttlMs: this.#ttlMs,
      durationMs: Math.round(lasted),
      interrupted: signal.aborted,
      lostWithoutFence: [...this.#registers.values()].reduce((sum, each) => sum + each.lostWithoutFence, 0),
      longestStallMs: Math.round(longestStallMs),
      left: await this.#cleanUp(),
    };
  }

  /** Resolves when every worker has begun, so that a slow start costs nothing of the run. */
  async #started(signal: AbortSignal): Promise<void> {
    const latest = this.#clock.monotonic() + START_MS;
    const isBegun = () => [...this.#crew.values()].every(({ last }) => last !== null);
    while (!signal.aborted && !isBegun() && this.#clock.monotonic() < latest)
      await sleep(this.#clock, 10, signal).catch(() => {});
  }

  /** Keeps one worker at work; one that died is replaced. */
  async #post(number: number): Promise<void> {
    const { clock: _, ...address } = this.#options.locks;
    // Of its own, so that a fault here changes nothing for the others.
    const random = seededRandom(this.#options.seed + number);
    let firstHold = 1;
    while (!this.#over.signal.aborted) {
      const worker = new TortureWorker({
        order: {
          ...{
            address,
            worker: `w${number}`,
            names: [...this.#registers.keys()],
            ttlMs: this.#ttlMs,
            firstHold,
          },
          seed: Math.floor(random() * 2 ** 31),
        },
        registers: this.#registers,
        clock: this.#clock,
        onEvent: (event) => this.#hear(event),
      });
      this.#crew.set(number, worker);
      await Promise.race([worker.ended, aborted(this.#over.signal)]);
      if (this.#over.signal.aborted) await worker.stop(this.#ttlMs + 1000);
      this.#crew.delete(number);
      this.#lastKillAt = Math.max(this.#lastKillAt, worker.killedAt ?? Number.NEGATIVE_INFINITY);
      firstHold = worker.nextHold;
      // A worker that cannot even start must not be tried without a pause.
      if (worker.last === null) await this.#pause(PROGRESS_MS);
    }
  }

  /** One fault after the other, most of them to whoever seems to hold a lock. */
  async #doFaults(): Promise<void> {
    const random = seededRandom(this.#options.seed);
    const ttl = this.#ttlMs;
    // Not before there is something to judge: a short run would see little but the TTLs of those who died.
    while (!this.#over.signal.aborted && this.#acquisitions < FEWEST) await this.#pause(20);
    for (;;) {
      await this.#pause(ttl * (0.3 + random() * 0.7));
      if (this.#over.signal.aborted) return;
      const [chance, lot, kind, length] = [random(), random(), random(), random()];
      const all = [...this.#crew.values()].filter((worker) => worker.last !== null);
      const holding = all.filter((worker) => worker.isHolding);
      const among = chance < 0.7 && holding.length > 0 ? holding : all;
      const victim = among[Math.floor(lot * among.length)];
      if (victim === undefined) continue;
      if (kind < 0.4) {
        this.#kills++;
        await victim.kill();
      } else {
        this.#stops++;
        await victim.freeze(ttl * (1.1 + length * 0.5), this.#over.signal);
      }
    }
  }

  async #tick(begin: number): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#pause(PROGRESS_MS);
      this.#options.onProgress?.({
        elapsedMs: this.#clock.monotonic() - begin,
        acquisitions: this.#acquisitions,
        kills: this.#kills,
        stops: this.#stops,
      });
    }
  }

  #hear(event: HistoryEvent): void {
    if (event.type === "acquired") this.#acquisitions++;
    this.#history.push(event);
    this.#options.onEvent?.(event);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(this.#clock, ms, this.#over.signal).catch(() => {});
  }

  /** Takes away what killed workers left, holder by holder; the names that could not be cleaned. */
  async #cleanUp(): Promise<readonly string[]> {
    const left: string[] = [];
    for (const name of this.#registers.keys()) {
      try {
        const state = await this.#locks.inspect(name);
        const places = state === null ? [] : [state.holder, ...state.waiters];
        for (const place of places) await this.#locks.breakHold(name, place);
        await this.#locks.forget?.(name);
      } catch {
        left.push(name);
      }
    }
    await this.#outliveLeases();
    return left;
  }

  /**
   * On etcd a place and its lease end by two requests, and a lease without a place may serve the next hold: one killed there
   * leaves a lease and its records that no lock shows. These end with their TTL. After an interrupt nobody waits for that.
   */
  async #outliveLeases(): Promise<void> {
    if (this.#locks.backend !== "etcd") return;
    const left = this.#lastKillAt + this.#ttlMs + LEASE_LAG_MS - this.#clock.monotonic();
    if (left > 0) await sleep(this.#clock, left, this.#options.signal).catch(() => {});
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
