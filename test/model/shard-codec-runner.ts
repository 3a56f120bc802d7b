/** The bytes of a runner, and what all parts of a state's bytes are made with. */
import {
  idleRunner,
  idsOf,
  type RowState,
  type Runner,
  type RunnerStep,
  type State,
  tokensOf,
} from "./shard-state.ts";

export const ROW_STATES: readonly RowState[] = ["owned", "moving", "sealed", "gone", "incoming"];
/** Bytes of a runner. */
export const RUNNER = 7;
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

export function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}

/** Numbers of a few bits, packed into one byte; throws where one does not fit. */
export function pack(...fields: readonly (readonly [value: number, bits: number])[]): number {
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
export class Names {
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

export function putRunner(bytes: Uint8Array, start: number, runner: Runner, names: Names): void {
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

export function getRunner(bytes: Uint8Array, start: number): Runner {
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
