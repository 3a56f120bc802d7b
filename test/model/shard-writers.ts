/** Applications: transactions through a router whose map may be old, and the guard that the triggers are. */
import type { Emit } from "./checker.ts";
import {
  cloneState,
  isWritable,
  nextId,
  type State,
  serverOf,
  type Writer,
  type WriterOp,
} from "./shard-state.ts";
import type { Rules } from "./shard-turn.ts";

/** Writer 0 asks the store before each transaction; writer 1 has a map of its own and a lease that may run out. */
const STALE = 1;

function writerOf(state: State, index: number): Writer {
  return index === 0 ? state.writers[0] : state.writers[1];
}

/** Ends the transaction without an effect. */
export function rollBack(writer: Writer): void {
  writer.step = "idle";
  writer.op = "put";
  writer.shard = 0;
  writer.epoch = 0;
  writer.logged = 0;
  writer.snapshot = "owned";
  writer.isLost = false;
}

export function writerSteps(
  state: State,
  index: number,
  ops: readonly WriterOp[],
  rules: Rules,
  emit: Emit<State>,
): void {
  const writer = writerOf(state, index);
  const act = (what: string, change: (next: State, me: Writer) => void): void => {
    const next = cloneState(state);
    change(next, writerOf(next, index));
    emit(`writer ${index}`, what, next);
  };
  if (index === STALE) routerSteps(state, writer, act);
  if (writer.step === "idle") {
    if (writer.left === 0 || writer.expired) return;
    for (const op of ops) act(`BEGIN, to ${op}`, (next, me) => begin(next, me, index, op, rules));
    return;
  }
  act("ROLLBACK", (_next, me) => rollBack(me));
  if (writer.step === "begun") execute(state, writer, rules, act);
  else if (writer.step === "guarded") {
    act(`COMMIT the ${writer.op}`, (next, me) => commit(next, me, index + 1));
  } else recheck(state, writer, rules, act);
}

type Act = (what: string, change: (next: State, me: Writer) => void) => void;

/** The stale router: it sees the new map when it likes to, and may be cut off from the store. */
function routerSteps(state: State, router: Writer, act: Act): void {
  if (router.viewEpoch < state.epoch && !router.expired) {
    act("router sees the new map", (next, me) => {
      me.viewOwner = next.owner;
      me.viewEpoch = next.epoch;
    });
  }
  if (!router.expired && state.left.expiries > 0) {
    act("the router's lease runs out", (next, me) => {
      next.left.expiries -= 1;
      me.expired = true;
    });
  }
  if (router.expired && router.step === "idle") {
    act("router joins again, with a fresh map", (next, me) => {
      me.viewOwner = next.owner;
      me.viewEpoch = next.epoch;
      me.expired = false;
    });
  }
}

function begin(next: State, me: Writer, index: number, op: WriterOp, rules: Rules): void {
  me.step = "begun";
  me.op = op;
  me.shard = index === STALE ? me.viewOwner : next.owner;
  me.epoch = index === STALE ? me.viewEpoch : next.epoch;
  if (rules.mutations.has("plain read in the guard")) me.snapshot = serverOf(next, me.shard).row.state;
}

/** The statement: it misses, or the row trigger reads the bucket row with an S lock, held to the end. */
function execute(state: State, writer: Writer, rules: Rules, act: Act): void {
  const { value, x, row } = serverOf(state, writer.shard);
  if (writer.op !== "put" && value === 0) {
    act(`${writer.op}: 0 rows matched`, (next, me) => {
      me.step = "missed";
      me.isLost = next.truth !== 0;
    });
    return;
  }
  const isPlain = rules.mutations.has("plain read in the guard");
  if (x !== 0 && !isPlain) return;
  const seen = isPlain ? { ...row, state: writer.snapshot } : row;
  if (!isWritable(seen)) {
    act(`${writer.op}: 31001 DCS_MOVED`, (_next, me) => rollBack(me));
    return;
  }
  act(`${writer.op}: guard passed${seen.state === "moving" ? ", logged" : ""}`, (next, me) => {
    me.step = "guarded";
    me.logged = seen.state === "moving" ? nextId(next) : 0;
    me.snapshot = "owned";
  });
}

function commit(next: State, me: Writer, value: number): void {
  const server = serverOf(next, me.shard);
  if (!isWritable(server.row)) next.broken = "I1: a write was committed in a bucket that is closed";
  server.value = me.op === "delete" ? 0 : value;
  server.log |= me.logged;
  server.before = null;
  next.truth = server.value;
  me.left -= 1;
  rollBack(me);
}

/** A statement that matched nothing fired no trigger: the router asks for the bucket row itself. */
function recheck(state: State, writer: Writer, rules: Rules, act: Act): void {
  const isUnguarded = rules.mutations.has("no guard read after a miss");
  const { x, row } = serverOf(state, writer.shard);
  if (x !== 0 && !isUnguarded) return;
  const isSame = row.epoch === writer.epoch || rules.mutations.has("guard read without epoch");
  if (isUnguarded || (isWritable(row) && isSame)) {
    act("COMMIT, 0 rows, acknowledged", (next, me) => {
      if (me.isLost) next.broken = "I6: an update was acknowledged and is nowhere";
      me.left -= 1;
      rollBack(me);
    });
  } else act("guard read after the miss: 31001 DCS_MOVED", (_next, me) => rollBack(me));
}
