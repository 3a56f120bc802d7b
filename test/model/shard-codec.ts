/**
 * The bytes of a state. Two states that differ only in names get the same ones: tokens and log ids count only by their
 * order, so they are renumbered from 0; runners have no names at all, so the lesser one is written first.
 */

import { at, getRunner, Names, pack, putRunner, ROW_STATES, RUNNER } from "./shard-codec-runner.ts";
import type { Before, Server, State, Writer, WriterOp, WriterStep } from "./shard-state.ts";

const WRITER_STEPS: readonly WriterStep[] = ["idle", "begun", "guarded", "missed"];
const OPS: readonly WriterOp[] = ["put", "update", "delete"];
const BEFORE = 4;
const SERVER = 5 + BEFORE;
const WRITER = 4;
const RUNNERS_AT = 4 + 2 * SERVER + 2 * WRITER;
export const WIDTH = RUNNERS_AT + 2 * RUNNER + 3;

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
    ? pack(
        [1, 1],
        [record.src, 1],
        [record.intent === "move" ? 0 : 1, 1],
        [record.isReverse ? 1 : 0, 1],
        [record.epoch, 4],
      )
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
    writers: [getWriter(bytes, offset + 4 + 2 * SERVER), getWriter(bytes, offset + 4 + 2 * SERVER + WRITER)],
    runners: [getRunner(bytes, offset + RUNNERS_AT), getRunner(bytes, offset + RUNNERS_AT + RUNNER)],
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
