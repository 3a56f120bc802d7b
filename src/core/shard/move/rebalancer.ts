import { DcsError, isDcsError } from "../../errors.ts";
import type { Store } from "../../store/store.ts";
import type { MoveState, TakeOver } from "../map/shard-state.ts";
import type { MoveDeps } from "./move-deps.ts";
import type { MoveResult } from "./move-event.ts";
import { type MoveJob, runJobs } from "./move-jobs.ts";
import type { MoveRecord } from "./move-record.ts";
import { preflightMoves } from "./preflight.ts";
import { RunnerLease } from "./runner-lease.ts";
import { wishesOf, wishesText } from "./wishes.ts";

export interface RebalancerDeps extends Omit<MoveDeps, "runner" | "state" | "undo"> {
  readonly store: Store;
  /** Moves at once. A move whose reverse window is open counts no more. */
  readonly concurrency: number;
  /** Of the lease of this process, ms: when it dies, others may take its moves over after so long. */
  readonly ttlMs: number;
}

/** One bucket that is to go from one shard to another. */
export interface WantedMove {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
  /** As the plan estimated it. */
  readonly rows?: number;
  readonly bytes?: number;
}

export interface RebalanceResult {
  /** In the order in which they ended. */
  readonly results: readonly MoveResult[];
  /** Those that were not begun, because of the signal or a failure before them. */
  readonly left: readonly WantedMove[];
}

/** Which moves, of those there are. */
export interface MoveChoice {
  /** All of them unless given. */
  readonly buckets?: readonly number[];
  /** Takes a move from a runner that lives, too. Without it such a one has failed with SHARD_BUSY when it was named, and is left alone when not. */
  readonly force?: boolean;
}

/** Runs several moves at once, under one lease of this process. */
export class Rebalancer implements AsyncDisposable {
  readonly #deps: RebalancerDeps;
  readonly #lease: RunnerLease;

  /** Grants the lease, and keeps it until the disposal. Rejects with the store's errors. */
  static async open(deps: RebalancerDeps): Promise<Rebalancer> {
    const { store, clock, ttlMs } = deps;
    const lease = new RunnerLease({ store, clock, ttlMs });
    await lease.ref();
    return new Rebalancer(deps, lease);
  }

  private constructor(deps: RebalancerDeps, lease: RunnerLease) {
    this.#deps = deps;
    this.#lease = lease;
  }

  /**
   * Moves buckets, `concurrency` at a time, claiming each when its turn comes; `plan` goes into their records. Moves whose runner died, and
   * reverse windows whose time is over, are brought to an end first. Rejects before anything is begun: with SHARD_BUSY when another
   * process moves buckets now; with SHARD_SCHEMA_UNSUITABLE, SHARD_UNREACHABLE and their kin for what the preflight of a server found.
   */
  async run(moves: readonly WantedMove[], plan: string): Promise<RebalanceResult> {
    const { shards, options } = this.#deps;
    const there = await shards.moves();
    await this.#demandAlone(moves, there);
    const state = await shards.keyspace();
    await preflightMoves(moves, state, this.#deps);
    const due = there.filter((move) => move.runner === null && this.#isDue(move.record));
    const isDue = ({ bucket, dst }: WantedMove) =>
      due.some(({ record }) => record.bucket === bucket && record.dst === dst && record.intent === "move");
    const text = wishesText({ id: plan, windowMs: options.windowMs });
    const claims = moves.filter((move) => !isDue(move)).map((move) => this.#claim(move, text));
    return this.#run([...due.map((move) => this.#takeUp(move.record, { force: false })), ...claims]);
  }

  /** Goes on with moves whose runner is gone. A reverse window that is open is kept so until its end. */
  async resume(choice: MoveChoice = {}): Promise<RebalanceResult> {
    const { force = false } = choice;
    const chosen = await this.#chosen(choice);
    return this.#run(chosen.map(({ record }) => this.#takeUp(record, { force })));
  }

  /**
   * Takes moves back that have not flipped; closes a reverse window, which leaves the bucket where it was moved to. One that has flipped
   * has failed with SHARD_TOO_LATE, and is as it was.
   */
  async abort(choice: MoveChoice = {}): Promise<RebalanceResult> {
    const { force = false } = choice;
    const chosen = await this.#chosen(choice);
    return this.#run(chosen.map(({ record }) => this.#takeUp(record, { force, intent: "abort" })));
  }

  /** Goes the way back that a reverse window kept open: the bucket is where it was before its move. SHARD_CHANGED where there is none. */
  async undo(choice: MoveChoice = {}): Promise<RebalanceResult> {
    const { force = false } = choice;
    const chosen = await this.#chosen(choice);
    const open = chosen.filter(({ record }) => record.isReverse && record.intent === "move");
    const without =
      choice.buckets?.filter((bucket) => !open.some(({ record }) => record.bucket === bucket)) ?? [];
    if (without.length > 0) throw this.#notThere(without, "have no reverse window");
    return this.#run(open.map(({ record }) => ({ ...this.#takeUp(record, { force }), undo: true })));
  }

  /** Lets go of what is left: the lease ends, and others may take it over at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease[Symbol.asyncDispose]();
  }

  async #run(jobs: readonly Job[]): Promise<RebalanceResult> {
    const state = await this.#deps.shards.keyspace();
    const deps = { ...this.#deps, state, runner: () => this.#lease.ref() };
    const { results, left } = await runJobs(jobs, deps, this.#deps.concurrency);
    const buckets = new Set(left.map(({ bucket }) => bucket));
    return { results, left: jobs.filter(({ bucket }) => buckets.has(bucket)).map(({ wanted }) => wanted) };
  }

  #claim(wanted: WantedMove, plan: string): Job {
    const { bucket, src, dst, rows = null } = wanted;
    const { shards } = this.#deps;
    return {
      ...{ wanted, bucket, src, dst, rows, undo: false },
      take: async (runner) => {
        try {
          return await shards.claim({ bucket, src, dst, plan }, runner);
        } catch (error) {
          // Of a plan that is applied again some is done.
          if (isDcsError(error, "SHARD_CHANGED") && error.details["owner"] === dst) return null;
          throw error;
        }
      },
    };
  }

  #takeUp({ bucket, src, dst }: MoveRecord, how: TakeOver): Job {
    const { shards } = this.#deps;
    return {
      ...{ wanted: { bucket, src, dst }, bucket, src, dst, rows: null, undo: false },
      take: (runner) => shards.takeOver(bucket, runner, how),
    };
  }

  /** A reverse window whose time is not over is somebody's way back. */
  #isDue({ isReverse, intent, startedAt, plan }: MoveRecord): boolean {
    if (!isReverse || intent === "abort") return true;
    return this.#deps.clock.now() >= startedAt + (wishesOf(plan).windowMs ?? 0);
  }

  /** Two rebalances would each undo what the other has planned. */
  async #demandAlone(moves: readonly WantedMove[], there: readonly MoveState[]): Promise<void> {
    const wanted = new Set(moves.map(({ bucket }) => bucket));
    const others: MoveState[] = [];
    for (const move of there) {
      const isIdle = move.runner === null || (await this.#lease.owns(move.runner.lease));
      const isWindow = move.record.isReverse && !wanted.has(move.record.bucket);
      if (!isIdle && !isWindow) others.push(move);
    }
    const [first] = others;
    if (first === undefined) return;
    const { name } = this.#deps.shards;
    const { runner, record } = first;
    const who = `process ${runner?.pid} on ${runner?.host}`;
    const buckets = others.map((move) => move.record.bucket);
    throw new DcsError(
      "SHARD_BUSY",
      `${who} moves buckets of keyspace ${name} now: ${buckets.length === 1 ? `bucket ${record.bucket} from ${record.src} to ${record.dst}` : `${buckets.length} of them`} (${wishesOf(record.plan).id})`,
      {
        details: { keyspace: name, buckets, runner, plan: record.plan },
        hint: "see how far it is: `dcs shard status`; wait for it, or stop it there with Ctrl-C, which loses nothing",
      },
    );
  }

  async #chosen({ buckets, force = false }: MoveChoice): Promise<readonly MoveState[]> {
    const moves = await this.#deps.shards.moves();
    if (buckets === undefined) {
      const others: MoveState[] = [];
      for (const move of moves) {
        if (force || move.runner === null || (await this.#lease.owns(move.runner.lease))) others.push(move);
      }
      return others;
    }
    const missing = buckets.filter((bucket) => !moves.some(({ record }) => record.bucket === bucket));
    if (missing.length > 0) throw this.#notThere(missing, "are not on their way");
    return moves.filter(({ record }) => buckets.includes(record.bucket));
  }

  #notThere(buckets: readonly number[], what: string): DcsError {
    const { name } = this.#deps.shards;
    return new DcsError("SHARD_CHANGED", `buckets ${buckets.join(", ")} of keyspace ${name} ${what}`, {
      details: { keyspace: name, buckets },
      hint: "see which are: `dcs shard status`",
    });
  }
}

interface Job extends MoveJob {
  readonly wanted: WantedMove;
}
