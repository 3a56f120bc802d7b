/** What goes wrong around the protocol: runners die, locks time out, servers fail over. */
import type { Emit } from "./checker.ts";
import { cloneState, idleRunner, type State, serverOf } from "./shard-state.ts";
import { rollBack } from "./shard-writers.ts";

const SHARDS = [0, 1] as const;
const NAMES = ["A", "B"];

export function faults(state: State, emit: Emit<State>): void {
  for (const shard of SHARDS) {
    const server = serverOf(state, shard);
    if (server.x !== 0) {
      const next = cloneState(state);
      serverOf(next, shard).x = 0;
      emit(`server ${NAMES[shard]}`, "wait_timeout: the fence's transaction is rolled back", next);
    }
    if (server.before) {
      const next = cloneState(state);
      serverOf(next, shard).before = null;
      emit(`server ${NAMES[shard]}`, "the candidates catch up", next);
    }
    if (state.left.failovers > 0) failOver(state, shard, emit);
  }
  if (state.left.crashes === 0) return;
  for (const index of SHARDS) {
    if (state.runners[index].step === "idle") continue;
    const next = cloneState(state);
    next.left.crashes -= 1;
    next.runners[index] = idleRunner();
    for (const server of next.servers) if (server.x === index + 1) server.x = 0;
    emit(`runner ${index}`, "kill -9", next);
  }
}

/** The candidate takes over with what it has; every connection to the server goes. */
function failOver(state: State, shard: number, emit: Emit<State>): void {
  const next = cloneState(state);
  next.left.failovers -= 1;
  next.ident += 1;
  const server = serverOf(next, shard);
  const { before } = server;
  if (before) {
    const { row, value, copied, wiped, ident, log } = before;
    Object.assign(server, { row: { ...row }, value, copied, wiped, ident, log });
  }
  server.before = null;
  server.x = 0;
  for (const writer of next.writers) {
    if (writer.step !== "idle" && writer.shard === shard) rollBack(writer);
  }
  for (const runner of next.runners) if (runner.step !== "idle") runner.cut |= 1 << shard;
  emit(`server ${NAMES[shard]}`, before ? "failover, the last changes are lost" : "failover", next);
}
