/**
 * What every step of a runner is made of: a change of a bucket row that compares, a mover's write under its token, the
 * ack barrier; and the mutations, each of which leaves one of the safeguards out.
 */
import type { Emit } from "./checker.ts";
import {
  cloneState,
  idleRunner,
  isWritable,
  type Row,
  type RowState,
  type Runner,
  type RunnerStep,
  type Server,
  type State,
  serverOf,
} from "./shard-state.ts";

export const MUTATIONS = [
  "plain read in the guard",
  "delete log rows up to the last id",
  "read log rows after the last id",
  "no token",
  "row change without compare",
  "flip before seal",
  "unseal without a new token",
  "reverse window after open",
  "clean without acks",
  "no guard read after a miss",
  "guard read without epoch",
  "row read before the log",
  "stamp by a superseded runner",
  "purge before the source is stamped",
  "copy kept after a failover",
  "seal not waited for",
  "drain not waited for",
  "window not waited for",
  "end not waited for",
  "verify skipped",
  "token not compared in the store",
  "map not in the flip",
  "unseal without the map",
] as const;
export type Mutation = (typeof MUTATIONS)[number];

export interface Rules {
  readonly mutations: ReadonlySet<Mutation>;
  /** Servers may fail over, so the runner waits for the candidates where it must. */
  readonly hasFailover: boolean;
}

/** A live router may still route by a map older than `epoch`. */
export function isAwaited(state: State, epoch: number): boolean {
  return state.writers.some((writer, index) => {
    if (writer.expired) return false;
    if (writer.step !== "idle" && writer.epoch < epoch) return true;
    return index === 1 && writer.viewEpoch < epoch;
  });
}

/** A transaction holds the S lock of the bucket row. */
export function hasReaders(state: State, shard: number, rules: Rules): boolean {
  if (rules.mutations.has("plain read in the guard")) return false;
  return state.writers.some((writer) => writer.step === "guarded" && writer.shard === shard);
}

/** Keeps what a failover would go back to. */
function remember(server: Server, rules: Rules): void {
  if (!rules.hasFailover) return;
  const { row, value, copied, wiped, ident, log } = server;
  server.before ??= { row: { ...row }, value, copied, wiped, ident, log };
}

/** One runner at one state. */
export class Turn {
  readonly state: State;
  readonly index: number;
  readonly rules: Rules;
  readonly #emit: Emit<State>;

  constructor(state: State, index: number, rules: Rules, emit: Emit<State>) {
    this.state = state;
    this.index = index;
    this.rules = rules;
    this.#emit = emit;
  }

  get me(): Runner {
    return this.mine(this.state);
  }

  get dst(): number {
    return 1 - this.me.src;
  }

  mine(state: State): Runner {
    return this.index === 0 ? state.runners[0] : state.runners[1];
  }

  has(mutation: Mutation): boolean {
    return this.rules.mutations.has(mutation);
  }

  /** Makes a step; `change` works on a copy. */
  act(what: string, change: (next: State, me: Runner) => void): void {
    const next = cloneState(this.state);
    change(next, this.mine(next));
    const me = this.mine(next);
    const { token } = me.step === "idle" ? this.me : me;
    this.#emit(`runner ${this.index}${token > 0 ? ` (token ${token})` : ""}`, what, next);
  }

  /** Goes on to `step`, forgetting what the row was. */
  go(me: Runner, step: RunnerStep): void {
    me.step = step;
    me.seen = { state: "owned", epoch: 0, token: me.token };
  }

  /** Gives up; connections close, so locks go. Another takeover finds out how things stand. */
  forget(next: State): void {
    for (const server of next.servers) if (server.x === this.index + 1) server.x = 0;
    next.runners[this.index] = idleRunner();
  }

  /** False while another transaction's lock makes a change of the row wait. */
  canLock(shard: number): boolean {
    const { x } = serverOf(this.state, shard);
    return (x === 0 || x === this.index + 1) && !hasReaders(this.state, shard, this.rules);
  }

  /** `UPDATE dcs_bucket … WHERE bucket=? AND state=? AND epoch=? AND token<=>?`: true when it hit the row. */
  cas(
    next: State,
    shard: number,
    seen: Row,
    to: { readonly state: RowState; readonly epoch: number },
  ): boolean {
    const server = serverOf(next, shard);
    const { row } = server;
    const isSame = row.state === seen.state && row.epoch === seen.epoch;
    const isToken = row.token === seen.token || this.has("no token");
    if (!(isSame && isToken) && !this.has("row change without compare")) return false;
    remember(server, this.rules);
    server.row = { ...to, token: this.mine(next).token };
    return true;
  }

  /** A mover's transaction: BEGIN, locking read of the row, the writes, COMMIT. True when the row allowed it. */
  write(next: State, shard: number, states: readonly RowState[], change: (server: Server) => void): boolean {
    const server = serverOf(next, shard);
    const { token } = this.mine(next);
    if (!states.includes(server.row.state)) return false;
    if (server.row.token !== token) {
      if (!this.has("no token")) return false;
      if (server.row.token > token)
        next.broken = "I5: a mover wrote under a token that is not the current one";
    }
    if (isWritable(server.row))
      next.broken = "I5: a mover wrote rows of a bucket that is open to applications";
    remember(server, this.rules);
    change(server);
    return true;
  }

  /** The record is still this runner's. */
  holds(next: State): boolean {
    const { record } = next;
    return (
      record !== null &&
      (record.token === this.mine(next).token || this.has("token not compared in the store"))
    );
  }
}
