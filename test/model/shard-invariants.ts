/** What must hold in every state and for every step: the invariants of docs/shards-protocol.md, by their numbers there. */
import { isWritable, type Server, type State, serverOf } from "./shard-state.ts";

export function violation(before: State | null, after: State): string | null {
  return (
    after.broken ??
    (before ? shrunk(before, after) : null) ??
    ownership(after) ??
    contents(after) ??
    rest(after)
  );
}

/** I7: epochs only grow. A failover that goes back to an older row is the one thing that may shrink one. */
function shrunk(before: State, after: State): string | null {
  if (after.epoch < before.epoch) return "I7: the epoch of the map shrank";
  if (after.ident !== before.ident) return null;
  const isShrunk = before.servers.some(({ row }, shard) => serverOf(after, shard).row.epoch < row.epoch);
  return isShrunk ? "I7: the epoch of a bucket row shrank" : null;
}

function ownership(state: State): string | null {
  const [a, b] = state.servers;
  if (isWritable(a.row) && isWritable(b.row)) return "I1: both shards have the bucket open";
  for (const shard of [0, 1]) {
    const { row } = serverOf(state, shard);
    if (!isWritable(row)) continue;
    if (state.owner !== shard) return "I2: a shard has the bucket open and the map does not say so";
    if (row.epoch < state.epoch && !isLostSeal(state))
      return "I2: a shard has the bucket open at an old epoch";
  }
  return null;
}

/** An abort gave the bucket back in the map, and then a failover lost the seal: open again, with nobody in between. */
function isLostSeal({ ident, record }: State): boolean {
  return ident > 0 && record?.intent === "abort";
}

/** The copy is the row, or the log says that it is not, or the copy has not come to it yet. */
function isTracked(src: Server, dst: Server): boolean {
  return !dst.copied || src.value === dst.value || src.log !== 0;
}

function contents(state: State): string | null {
  const owner = serverOf(state, state.owner);
  const other = serverOf(state, 1 - state.owner);
  if (owner.value !== state.truth) return "I6: the owner does not have the last acknowledged write";
  const isFollowed = owner.row.state === "moving" && other.row.state === "incoming";
  const isSameServers = other.ident === state.ident;
  if (isFollowed && isSameServers && !isTracked(owner, other)) {
    return "I3: a write is neither copied, nor in the log, nor ahead of the copy";
  }
  if (owner.row.state === "sealed" && state.record?.intent === "move" && owner.value !== other.value) {
    return "I4: sealed, and the target is not equal";
  }
  return null;
}

function rest(state: State): string | null {
  const owner = serverOf(state, state.owner);
  const other = serverOf(state, 1 - state.owner);
  if (!state.record) {
    if (owner.row.state !== "owned" || other.row.state !== "gone") {
      return "I8: no move is recorded, and a row is not as without one";
    }
    if (other.value !== 0) return "I6: the move is over, and the row is on both shards";
  } else if (!isWritable(owner.row) && owner.row.state !== "sealed") {
    if (owner.row.state !== "incoming") return "I9: the owner is closed and nothing will open it";
  }
  for (const [index, writer] of state.writers.entries()) {
    if (writer.expired) continue;
    const isThere = writer.step !== "idle" && serverOf(state, writer.shard).wiped;
    if (isThere || (index === 1 && serverOf(state, writer.viewOwner).wiped)) {
      return "I10: a live router reads a shard whose rows were deleted";
    }
  }
  return null;
}
