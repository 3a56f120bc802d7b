/**
 * How a runner starts: claim, takeover, and the one way from either of them, or from any crash, to the phase that is
 * next. It puts the token on both rows and decides by the map and the rows alone.
 */
import { nextToken, type Row, type Runner, type State, serverOf } from "./shard-state.ts";
import { isAwaited, type Turn } from "./shard-turn.ts";

export function claim(turn: Turn): void {
  const { state } = turn;
  if (state.record || state.left.moves === 0) return;
  turn.act("claim: record and token into the store", (next, me) => {
    next.left.moves -= 1;
    const token = nextToken(next);
    const { owner: src, epoch } = next;
    next.record = { src, epoch, token, intent: "move", isReverse: false };
    Object.assign(me, { token, src, epoch, intent: "move", flipped: false });
    turn.go(me, "read dst");
  });
}

export function takeOver(turn: Turn): void {
  const { state } = turn;
  const { record, left } = state;
  if (!record) return;
  const isHeld = state.runners.some(({ step, token }) => step !== "idle" && token === record.token);
  if (isHeld && left.steals === 0) return;
  const take = (next: State, me: Runner, isAbort: boolean): void => {
    if (isHeld) next.left.steals -= 1;
    const held = next.record ?? record;
    const keeps = isAbort && turn.has("unseal without a new token");
    const token = keeps ? held.token : nextToken(next);
    held.token = token;
    if (isAbort) held.intent = "abort";
    const { src, epoch, intent } = held;
    Object.assign(me, { token, src, epoch, intent, flipped: next.owner !== src });
    turn.go(me, "read dst");
  };
  turn.act(`take over (${record.intent}): new token into the store`, (next, me) => take(next, me, false));
  if (record.intent === "abort" || state.owner !== record.src || left.aborts === 0) return;
  turn.act("take over to abort: new token into the store", (next, me) => {
    next.left.aborts -= 1;
    take(next, me, true);
  });
}

/** Reads a row without a lock. A greater token there means that this runner was superseded. */
function read(turn: Turn, shard: number, then: (next: State, me: Runner, seen: Row) => void): void {
  const name = shard === turn.me.src ? "src" : "dst";
  turn.act(`read the ${name} row`, (next, me) => {
    const { row } = serverOf(next, shard);
    if (row.token > me.token && !turn.has("stamp by a superseded runner") && !turn.has("no token")) {
      turn.forget(next);
      return;
    }
    me.seen = { ...row };
    then(next, me, me.seen);
  });
}

export function readDst(turn: Turn): void {
  read(turn, turn.dst, (_next, me) => {
    me.step = "stamp dst";
  });
}

/** What the target's row becomes when this runner puts its token on it. */
function stampedDst(me: Runner): Pick<Row, "state" | "epoch"> | null {
  const { state, epoch } = me.seen;
  if (me.flipped) return { state, epoch };
  if (state === "owned" || state === "moving") return null;
  return { state: me.intent === "abort" ? "gone" : "incoming", epoch: me.epoch };
}

export function stampDst(turn: Turn): void {
  const { me, dst } = turn;
  const to = stampedDst(me);
  if (to && !turn.canLock(dst)) return;
  turn.act(`dst row ${me.seen.state} → ${to?.state ?? "?"}, token`, (next, runner) => {
    const isClosedSource = me.seen.state === "sealed" && me.seen.epoch === me.epoch;
    if (!to || !turn.cas(next, dst, me.seen, to)) {
      turn.forget(next);
      return;
    }
    const server = serverOf(next, dst);
    if (isClosedSource && to.state === "incoming") {
      // The reverse window: what was sealed is the copy.
      server.copied = true;
      server.ident = next.ident;
    } else if (to.state === "gone") {
      server.copied = false;
    }
    turn.go(runner, "read src");
  });
}

export function readSrc(turn: Turn): void {
  read(turn, turn.me.src, (_next, me, seen) => {
    const isSealed = seen.state === "sealed" && seen.epoch > me.epoch;
    const isSkipped = turn.has("unseal without a new token") || turn.has("unseal without the map");
    const isGivenBack = me.intent === "abort" && !me.flipped && isSealed && !isSkipped;
    const isEarly = turn.has("purge before the source is stamped") && needsCopy(turn, turn.state, me);
    const isWindow = me.intent === "move" && !me.flipped && seen.state === "incoming";
    if (isGivenBack) me.step = "unseal map";
    else if (isEarly) me.step = "purge";
    else me.step = isWindow && turn.rules.hasFailover ? "sync window" : "stamp src";
  });
}

/** The copy is to be made from the start: there is none, or a failover of either server may have cost some of it. */
function needsCopy(turn: Turn, state: State, { src, seen, intent, flipped }: Runner): boolean {
  if (flipped || intent === "abort" || (seen.state !== "owned" && seen.state !== "moving")) return false;
  const { copied, wiped, ident } = serverOf(state, 1 - src);
  if (seen.state === "owned") return !(copied && turn.has("reverse window after open"));
  // While the source is `moving`, a target that was emptied has its progress row, with the cursor at the beginning.
  const isBegun = copied || wiped;
  return !isBegun || (ident !== state.ident && !turn.has("copy kept after a failover"));
}

/** The old source's candidates have it as the target of the way back; only then the new owner opens. */
export function syncWindow(turn: Turn): void {
  turn.act("dst's candidates have the row", (next, me) => {
    if (!turn.has("window not waited for")) serverOf(next, turn.dst).before = null;
    me.step = "stamp src";
  });
}

/** The point of no return of an abort: epoch E+2 stays at the source, so the sealed row at E+1 may be opened again. */
export function unsealMap(turn: Turn): void {
  turn.act("map: src at epoch + 2", (next, me) => {
    const { record } = next;
    if (!record || !turn.holds(next) || next.owner !== me.src || next.epoch !== me.epoch) {
      turn.forget(next);
      return;
    }
    next.epoch += 2;
    record.epoch = next.epoch;
    me.epoch = next.epoch;
    me.step = "stamp src";
  });
}

/** Deletes what is left of the bucket at the target, and its progress row, behind the ack barrier. */
export function purge(turn: Turn): void {
  const { me, dst } = turn;
  if (isAwaited(turn.state, me.epoch) && !turn.has("clean without acks")) return;
  turn.act("purge the rows at dst", (next, runner) => {
    const done = turn.write(next, dst, ["incoming", "gone"], (server) => {
      server.value = 0;
      server.copied = false;
      server.wiped = true;
      server.ident = next.ident;
    });
    if (!done) turn.forget(next);
    else if (runner.intent === "abort") turn.go(runner, "end");
    else if (turn.has("purge before the source is stamped")) runner.step = "stamp src";
    else turn.go(runner, "capture");
  });
}

/** From here on every write at the source is logged: the row's X lock waits for all that were not. */
export function capture(turn: Turn): void {
  const { me } = turn;
  if (!turn.canLock(me.src)) return;
  turn.act("src row → moving: capture", (next, runner) => {
    const { row } = serverOf(next, me.src);
    const state = row.state === "moving" ? "moving" : "owned";
    const seen = { state, epoch: me.epoch, token: me.token } as const;
    if (!turn.cas(next, me.src, seen, { state: "moving", epoch: me.epoch })) turn.forget(next);
    else turn.go(runner, "copy read");
  });
}

/** What the source's row becomes when this runner puts its token on it. */
function stampedSrc(me: Runner, isRestart: boolean): Pick<Row, "state" | "epoch"> {
  const { state, epoch } = me.seen;
  if (me.flipped || isRestart) return { state, epoch };
  if (me.intent === "abort")
    return { state: "owned", epoch: Math.max(me.epoch, state === "sealed" ? epoch + 1 : 0) };
  return state === "sealed" ? { state, epoch } : { state: "moving", epoch: me.epoch };
}

export function stampSrc(turn: Turn): void {
  const { me } = turn;
  if (!turn.canLock(me.src)) return;
  const isRestart = needsCopy(turn, turn.state, me);
  const to = stampedSrc(me, isRestart);
  turn.act(`src row ${me.seen.state} → ${to.state}, token`, (next, runner) => {
    if (!turn.cas(next, me.src, me.seen, to)) {
      turn.forget(next);
      return;
    }
    if (me.flipped) turn.go(runner, "open");
    else if (me.intent === "abort") turn.go(runner, "purge");
    else if (to.state === "sealed") turn.go(runner, turn.rules.hasFailover ? "sync src" : "flip");
    else if (isRestart && turn.has("purge before the source is stamped")) turn.go(runner, "capture");
    else if (isRestart) turn.go(runner, "purge");
    else turn.go(runner, serverOf(next, turn.dst).copied ? "log read" : "copy read");
  });
}
