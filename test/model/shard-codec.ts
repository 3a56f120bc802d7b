/**
 * The bytes of a state. Two states that differ only in names get the same ones: tokens and log ids count only by their
 * order, so they are renumbered from 0; runners have no names at all, so the lesser one is written first.
 */
import {
  type Before,
  idleRunner,
  idsOf,
  type Runner,
  type RunnerStep,
  type RowState,
  type Server,
  type State,
  tokensOf,
  type Writer,
  type WriterOp,
  type WriterStep,
} from "./shard-state.ts";

const ROW_STATES: readonly RowState[] = ["owned", "moving", "sealed", "gone", "incoming"];
const WRITER_STEPS: readonly WriterStep[] = ["idle", "begun", "guarded", "missed"];
const OPS: readonly WriterOp[] = ["put", "update", "delete"];
const RUNNER_STEPS: readonly RunnerStep[] = [
  "idle",
  "read dst",
  "stamp dst",
  "read src",
  "unseal map",
  "purge",
  "sync window",
  "stamp src",
  "capture",
  "copy read",
  "copy write",
  "log read",
  "apply read",
  "apply write",
  "log delete",
  "verify",
  "cut",
  "drain",
  "sync dst",
  "seal",
  "sync src",
  "flip",
  "open",
  "window",
  "retire",
  "clean",
  "end",
];

const BEFORE = 4;
const SERVER = 5 + BEFORE;
const WRITER = 4;
const RUNNER = 7;
const RUNNERS_AT = 4 + 2 * SERVER + 2 * WRITER;
export const WIDTH = RUNNERS_AT + 2 * RUNNER + 3;

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}

/** Numbers of a few bits, packed into one byte; throws where one does not fit. */
function pack(...fields: readonly (readonly [value: number, bits: number])[]): number {
  let byte = 0;
  let used = 0;
  for (const [value, bits] of fields) {
    if (value < 0 || value >> bits !== 0) throw new Error(`${value} does not fit into ${bits} bits`);
    byte |= value << used;
    used += bits;
  }
  if (used > 8) throw new Error("more than a byte");
  return byte;
}

/** New names: tokens and log ids by rank. */
class Names {
  readonly #tokens: readonly number[];
  readonly #ids: number;

  constructor(state: State) {
    this.#tokens = [...new Set(tokensOf(state))].sort((a, b) => a - b);
    this.#ids = idsOf(state);
  }

  token(token: number): number {
    return this.#tokens.indexOf(token);
  }

  ids(mask: number): number {
    if (((this.#ids + 1) & this.#ids) === 0) return mask;
    let named = 0;
    let bit = 1;
    for (let rest = this.#ids; rest !== 0; rest &= rest - 1) {
      if (mask & (rest & -rest)) named |= bit;
      bit <<= 1;
    }
    return named;
  }
}

function putServer(bytes: Uint8Array, start: number, server: Server, names: Names, swapped: boolean): void {
  const { row, before } = server;
  const x = server.x === 0 || !swapped ? server.x : 3 - server.x;
  bytes[start] = pack([ROW_STATES.indexOf(row.state), 3], [row.epoch, 4], [server.copied ? 1 : 0, 1]);
  bytes[start + 1] = pack([server.value, 2], [x, 2], [server.wiped ? 1 : 0, 1], [server.ident, 2]);
  bytes[start + 2] = names.token(row.token);
  bytes[start + 3] = pack([names.ids(server.log), 8]);
  bytes[start + 4] = before ? 1 + names.token(before.row.token) : 0;
  if (!before) {
    bytes.fill(0, start + 5, start + 9);
    return;
  }
  bytes[start + 5] = pack([ROW_STATES.indexOf(before.row.state), 3], [before.row.epoch, 4]);
  bytes[start + 6] = pack(
    [before.value, 2],
    [before.copied ? 1 : 0, 1],
    [before.ident, 2],
    [before.wiped ? 1 : 0, 1],
  );
  bytes[start + 7] = pack([names.ids(before.log), 8]);
  bytes[start + 8] = 0;
}

function getServer(bytes: Uint8Array, start: number): Server {
  const byte = (offset: number): number => bytes[start + offset] ?? 0;
  const [head, more] = [byte(0), byte(1)];
  let before: Before | null = null;
  if (byte(4) > 0) {
    const [row, rest] = [byte(5), byte(6)];
    before = {
      row: { state: at(ROW_STATES, row & 7), epoch: row >> 3, token: byte(4) - 1 },
      value: rest & 3,
      copied: (rest & 4) !== 0,
      ident: (rest >> 3) & 3,
      wiped: (rest & 32) !== 0,
      log: byte(7),
    };
  }
  return {
    row: { state: at(ROW_STATES, head & 7), epoch: (head >> 3) & 15, token: byte(2) },
    copied: head >= 128,
    value: more & 3,
    x: (more >> 2) & 3,
    wiped: (more & 16) !== 0,
    ident: more >> 5,
    log: byte(3),
    before,
  };
}

function putWriter(bytes: Uint8Array, start: number, writer: Writer, names: Names): void {
  bytes[start] = pack(
    [WRITER_STEPS.indexOf(writer.step), 2],
    [OPS.indexOf(writer.op), 2],
    [writer.shard, 1],
    [writer.isLost ? 1 : 0, 1],
    [writer.expired ? 1 : 0, 1],
    [writer.viewOwner, 1],
  );
  bytes[start + 1] = pack([writer.epoch, 4], [writer.viewEpoch, 4]);
  bytes[start + 2] = names.ids(writer.logged);
  bytes[start + 3] = pack([ROW_STATES.indexOf(writer.snapshot), 3], [writer.left, 4]);
}

function getWriter(bytes: Uint8Array, start: number): Writer {
  const byte = (offset: number): number => bytes[start + offset] ?? 0;
  const head = byte(0);
  return {
    step: at(WRITER_STEPS, head & 3),
    op: at(OPS, (head >> 2) & 3),
    shard: (head >> 4) & 1,
    isLost: (head & 32) !== 0,
    expired: (head & 64) !== 0,
    viewOwner: head >> 7,
    epoch: byte(1) & 15,
    viewEpoch: byte(1) >> 4,
    logged: byte(2),
    snapshot: at(ROW_STATES, byte(3) & 7),
    left: byte(3) >> 3,
  };
}

function putRunner(bytes: Uint8Array, start: number, runner: Runner, names: Names): void {
  if (runner.step === "idle") {
    bytes.fill(0, start, start + RUNNER);
    return;
  }
  bytes[start] = pack([RUNNER_STEPS.indexOf(runner.step), 5], [runner.value, 2], [runner.flipped ? 1 : 0, 1]);
  bytes[start + 1] = names.token(runner.token);
  bytes[start + 2] = pack(
    [runner.epoch, 4],
    [runner.src, 1],
    [runner.intent === "move" ? 0 : 1, 1],
    [runner.cut, 2],
  );
  bytes[start + 3] = pack([ROW_STATES.indexOf(runner.seen.state), 3], [runner.seen.epoch, 4]);
  bytes[start + 4] = names.token(runner.seen.token);
  bytes[start + 5] = names.ids(runner.ids);
  bytes[start + 6] = names.ids(runner.last);
}

function getRunner(bytes: Uint8Array, start: number): Runner {
  const byte = (offset: number): number => bytes[start + offset] ?? 0;
  const [head, more] = [byte(0), byte(2)];
  const step = at(RUNNER_STEPS, head & 31);
  if (step === "idle") return idleRunner();
  return {
    step,
    value: (head >> 5) & 3,
    flipped: head >= 128,
    token: byte(1),
    epoch: more & 15,
    src: (more >> 4) & 1,
    intent: (more & 32) === 0 ? "move" : "abort",
    cut: more >> 6,
    seen: { state: at(ROW_STATES, byte(3) & 7), epoch: byte(3) >> 3, token: byte(4) },
    ids: byte(5),
    last: byte(6),
  };
}

/** True when the runners are to be written the other way round. */
function swapIsLess(bytes: Uint8Array, start: number): boolean {
  for (let i = start; i < start + RUNNER; i++) {
    const difference = (bytes[i] ?? 0) - (bytes[i + RUNNER] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

export function encodeState(state: State, bytes: Uint8Array, offset: number): void {
  const names = new Names(state);
  const { record, left, servers, writers, runners } = state;
  const runnersAt = offset + RUNNERS_AT;
  putRunner(bytes, runnersAt, runners[0], names);
  putRunner(bytes, runnersAt + RUNNER, runners[1], names);
  const swapped = swapIsLess(bytes, runnersAt);
  if (swapped) {
    putRunner(bytes, runnersAt, runners[1], names);
    putRunner(bytes, runnersAt + RUNNER, runners[0], names);
  }
  bytes[offset] = pack([state.owner, 1], [state.epoch, 4], [state.truth, 2]);
  bytes[offset + 1] = record
    ? pack([1, 1], [record.src, 1], [record.intent === "move" ? 0 : 1, 1], [record.isReverse ? 1 : 0, 1], [record.epoch, 4])
    : 0;
  bytes[offset + 2] = record ? names.token(record.token) : 0;
  bytes[offset + 3] = state.ident;
  putServer(bytes, offset + 4, servers[0], names, swapped);
  putServer(bytes, offset + 4 + SERVER, servers[1], names, swapped);
  putWriter(bytes, offset + 4 + 2 * SERVER, writers[0], names);
  putWriter(bytes, offset + 4 + 2 * SERVER + WRITER, writers[1], names);
  const leftAt = runnersAt + 2 * RUNNER;
  bytes[leftAt] = pack([left.moves, 3], [left.steals, 3], [left.windows, 2]);
  bytes[leftAt + 1] = pack([left.crashes, 3], [left.aborts, 3], [left.expiries, 2]);
  bytes[leftAt + 2] = left.failovers;
}

export function decodeState(bytes: Uint8Array, offset: number): State {
  const byte = (index: number): number => bytes[offset + index] ?? 0;
  const [head, record] = [byte(0), byte(1)];
  const leftAt = RUNNERS_AT + 2 * RUNNER;
  const [left, more] = [byte(leftAt), byte(leftAt + 1)];
  return {
    owner: head & 1,
    epoch: (head >> 1) & 15,
    truth: head >> 5,
    record:
      record === 0
        ? null
        : {
            src: (record >> 1) & 1,
            intent: (record & 4) === 0 ? "move" : "abort",
            isReverse: (record & 8) !== 0,
            epoch: record >> 4,
            token: byte(2),
          },
    ident: byte(3),
    servers: [getServer(bytes, offset + 4), getServer(bytes, offset + 4 + SERVER)],
    writers: [
      getWriter(bytes, offset + 4 + 2 * SERVER),
      getWriter(bytes, offset + 4 + 2 * SERVER + WRITER),
    ],
    runners: [
      getRunner(bytes, offset + RUNNERS_AT),
      getRunner(bytes, offset + RUNNERS_AT + RUNNER),
    ],
    left: {
      moves: left & 7,
      steals: (left >> 3) & 7,
      windows: left >> 6,
      crashes: more & 7,
      aborts: (more >> 3) & 7,
      expiries: more >> 6,
      failovers: byte(leftAt + 2),
    },
    broken: null,
  };
}
