/** The phases of a move from the copy to the end, each a step that another runner may interrupt before and after. */
import { type Row, type RowState, type Runner, type Server, type State, serverOf } from "./shard-state.ts";
import { isAwaited, type Turn } from "./shard-turn.ts";

/** A row as this runner left it. */
function own(me: Runner, state: RowState, epoch: number): Row {
  return { state, epoch, token: me.token };
}

/** Committed log rows this runner reads. */
function logOf(turn: Turn, server: Server, me: Runner): number {
  return turn.has("read log rows after the last id") ? server.log & ~(me.last * 2 - 1) : server.log;
}

export function copyRead(turn: Turn): void {
  turn.act("read the chunk at src", (next, me) => {
    me.value = serverOf(next, me.src).value;
    me.step = "copy write";
  });
}

function writeDst(turn: Turn, next: State, value: number): boolean {
  return turn.write(next, turn.dst, ["incoming"], (server) => {
    server.value = value;
    server.copied = true;
  });
}

export function copyWrite(turn: Turn): void {
  turn.act("write the chunk and the progress row at dst", (next, me) => {
    if (!writeDst(turn, next, me.value)) turn.forget(next);
    else {
      me.value = 0;
      me.step = "log read";
    }
  });
}

export function logRead(turn: Turn): void {
  const { me } = turn;
  const ids = logOf(turn, serverOf(turn.state, me.src), me);
  if (ids === 0) {
    turn.act("the backlog is small", (_next, runner) => {
      runner.step = turn.has("verify skipped") ? "cut" : "verify";
    });
    return;
  }
  turn.act("read the log", (next, runner) => {
    runner.step = "apply read";
    if (turn.has("row read before the log")) readRow(next, runner);
    else readIds(turn, next, runner);
  });
}

function readIds(turn: Turn, next: State, me: Runner): void {
  me.ids = logOf(turn, serverOf(next, me.src), me);
  if (turn.has("read log rows after the last id")) me.last = 1 << (31 - Math.clz32(me.ids));
}

function readRow(next: State, me: Runner): void {
  me.value = serverOf(next, me.src).value;
}

export function applyRead(turn: Turn): void {
  turn.act("read the logged row at src", (next, me) => {
    me.step = "apply write";
    if (turn.has("row read before the log")) readIds(turn, next, me);
    else readRow(next, me);
  });
}

export function applyWrite(turn: Turn): void {
  turn.act("delete and replace the row at dst", (next, me) => {
    if (!writeDst(turn, next, me.value)) turn.forget(next);
    else {
      me.value = 0;
      me.step = "log delete";
    }
  });
}

export function logDelete(turn: Turn): void {
  const { me } = turn;
  const { x } = serverOf(turn.state, me.src);
  if (x !== 0) return;
  turn.act("delete the log rows", (next, runner) => {
    const server = serverOf(next, me.src);
    if (server.row.token !== me.token && !turn.has("no token")) {
      turn.forget(next);
      return;
    }
    const upTo = 2 ** (32 - Math.clz32(me.ids)) - 1;
    server.log &= ~(turn.has("delete log rows up to the last id") ? upTo : me.ids);
    runner.ids = 0;
    runner.step = "log read";
  });
}

/** Compares both sides; a difference that the log does not explain is copied again. */
export function verify(turn: Turn): void {
  const { me } = turn;
  const src = serverOf(turn.state, me.src);
  const isEqual = src.value === serverOf(turn.state, turn.dst).value;
  turn.act(`verify: ${isEqual ? "equal" : "different"}`, (_next, runner) => {
    if (isEqual) runner.step = "cut";
    else runner.step = src.log === 0 ? "copy read" : "log read";
  });
}

/** BEGIN; SELECT … FOR UPDATE on the fence's own connection, bounded. */
export function cut(turn: Turn): void {
  const { me } = turn;
  if (!turn.canLock(me.src)) return;
  turn.act("lock the src row (X)", (next, runner) => {
    const { row } = serverOf(next, me.src);
    const isMine = row.state === "moving" && (row.token === me.token || turn.has("no token"));
    if (!isMine) {
      turn.forget(next);
      return;
    }
    serverOf(next, me.src).x = turn.index + 1;
    runner.step = "drain";
  });
}

/** The fence's transaction has gone, by the server or by our own ROLLBACK: back to the log. */
function unlocked(turn: Turn): boolean {
  const { me } = turn;
  const isHeld = serverOf(turn.state, me.src).x === turn.index + 1;
  turn.act(isHeld ? "over budget: ROLLBACK" : "the lock is lost", (next, runner) => {
    if (isHeld) serverOf(next, me.src).x = 0;
    runner.step = "log read";
  });
  return !isHeld;
}

export function drain(turn: Turn): void {
  const { me } = turn;
  if (unlocked(turn)) return;
  turn.act("drain the log under the lock", (next, runner) => {
    const src = serverOf(next, me.src);
    const isBehind = logOf(turn, src, me) !== 0;
    const isDrained = isBehind
      ? writeDst(turn, next, src.value)
      : turn.write(next, turn.dst, ["incoming"], () => {});
    if (!isDrained) {
      turn.forget(next);
      return;
    }
    runner.step = turn.has("flip before seal") ? "flip" : turn.rules.hasFailover ? "sync dst" : "seal";
  });
}

/** The target's failover candidates have everything. */
export function syncDst(turn: Turn): void {
  if (unlocked(turn)) return;
  turn.act("dst's candidates have the copy", (next, me) => {
    if (!turn.has("drain not waited for")) serverOf(next, turn.dst).before = null;
    me.step = "seal";
  });
}

export function seal(turn: Turn): void {
  const { me } = turn;
  if (unlocked(turn)) return;
  if (!turn.canLock(me.src)) return;
  turn.act("src row moving → sealed, log rows deleted, COMMIT", (next, runner) => {
    const server = serverOf(next, me.src);
    const { epoch } = me;
    if (!turn.cas(next, me.src, own(me, "moving", epoch), { state: "sealed", epoch: epoch + 1 })) {
      turn.forget(next);
      return;
    }
    server.log &= ~logOf(turn, server, me);
    server.x = 0;
    if (turn.has("flip before seal")) turn.go(runner, "open");
    else turn.go(runner, turn.rules.hasFailover ? "sync src" : "flip");
  });
}

/** The source's failover candidates have the seal. */
export function syncSrc(turn: Turn): void {
  turn.act("src's candidates have the seal", (next, me) => {
    if (!turn.has("seal not waited for")) serverOf(next, me.src).before = null;
    me.step = "flip";
  });
}

/** The point of no return: one transaction of the store. */
export function flip(turn: Turn): void {
  const { state, me, dst } = turn;
  const isMap = state.owner === me.src && state.epoch === me.epoch;
  if (!turn.holds(state) || !(isMap || turn.has("map not in the flip"))) {
    turn.act("flip: refused", (next) => turn.forget(next));
    return;
  }
  const move = (next: State): void => {
    next.owner = dst;
    next.epoch = me.epoch + 1;
    const server = serverOf(next, dst);
    server.wiped = false;
    if (server.before) server.before.wiped = false;
  };
  turn.act("flip: map says dst at epoch + 1", (next, runner) => {
    move(next);
    runner.flipped = true;
    turn.go(runner, turn.has("flip before seal") ? "seal" : "open");
  });
  if (state.left.windows === 0 || !state.record || state.record.isReverse) return;
  turn.act("flip with a reverse window: the record is now the move back", (next, runner) => {
    move(next);
    next.left.windows -= 1;
    const { epoch } = next;
    next.record = { src: dst, epoch, token: me.token, intent: "move", isReverse: true };
    Object.assign(runner, { src: dst, epoch });
    turn.go(runner, turn.has("reverse window after open") ? "window" : "read dst");
  });
}

/** Opens the target, which the map names already. */
export function open(turn: Turn): void {
  const { me, dst } = turn;
  if (!turn.canLock(dst)) return;
  const { row } = serverOf(turn.state, dst);
  const isOpen = row.state === "owned" && row.token === me.token;
  turn.act("dst row incoming → owned at epoch + 1", (next, runner) => {
    const to = { state: "owned", epoch: me.epoch + 1 } as const;
    if (!isOpen && !turn.cas(next, dst, own(me, "incoming", me.epoch), to)) turn.forget(next);
    else {
      serverOf(next, dst).copied = false;
      turn.go(runner, "retire");
    }
  });
}

/** Only of the mutation that opens first and begins to capture later. */
export function window(turn: Turn): void {
  const { me } = turn;
  if (!turn.canLock(me.src)) return;
  turn.act("open the new owner without its log", (next, runner) => {
    const seen = own(me, "incoming", me.epoch - 1);
    if (!turn.cas(next, me.src, seen, { state: "owned", epoch: me.epoch })) turn.forget(next);
    else turn.go(runner, "read dst");
  });
}

export function retire(turn: Turn): void {
  const { me } = turn;
  if (!turn.canLock(me.src)) return;
  const { row } = serverOf(turn.state, me.src);
  const isGone = row.state === "gone" && row.token === me.token;
  turn.act("src row sealed → gone", (next, runner) => {
    const epoch = me.epoch + 1;
    if (!isGone && !turn.cas(next, me.src, own(me, "sealed", epoch), { state: "gone", epoch })) {
      turn.forget(next);
    } else turn.go(runner, "clean");
  });
}

export function clean(turn: Turn): void {
  const { me } = turn;
  if (isAwaited(turn.state, me.epoch + 1) && !turn.has("clean without acks")) return;
  turn.act("delete the rows at src", (next, runner) => {
    const done = turn.write(next, me.src, ["gone"], (server) => {
      server.value = 0;
      server.log = 0;
      server.wiped = true;
    });
    if (!done) turn.forget(next);
    else turn.go(runner, "end");
  });
}

export function end(turn: Turn): void {
  turn.act("delete the record", (next) => {
    if (turn.holds(next)) {
      next.record = null;
      if (turn.rules.hasFailover && !turn.has("end not waited for")) {
        for (const server of next.servers) server.before = null;
      }
    }
    turn.forget(next);
  });
}
