/**
 * The protocol of docs/shards-protocol.md as a model: every interleaving of two writers (one behind a stale router), two
 * runners, and the faults of the budget. A pause needs no step of its own: whoever is not chosen next is paused.
 */
import type { Emit, Model } from "./checker.ts";
import { decodeState, encodeState, WIDTH } from "./shard-codec.ts";
import { faults } from "./shard-faults.ts";
import { violation } from "./shard-invariants.ts";
import * as phases from "./shard-phases.ts";
import * as resume from "./shard-resume.ts";
import {
  type Budget,
  idleRunner,
  type RunnerStep,
  type Server,
  type State,
  type Writer,
  type WriterOp,
} from "./shard-state.ts";
import { type Mutation, type Rules, Turn } from "./shard-turn.ts";
import { writerSteps } from "./shard-writers.ts";

export interface ShardOptions extends Partial<Budget> {
  /** Commits of the writer with a fresh map, and of the one with the stale router. */
  readonly commits?: readonly [fresh: number, stale: number];
  readonly ops?: readonly [fresh: readonly WriterOp[], stale: readonly WriterOp[]];
  readonly mutations?: readonly Mutation[];
  /** Looks only for violations whose text begins with this: a later one that shows more of the harm. */
  readonly watch?: string;
  /** The row as it is at the start, 0: absent. */
  readonly value?: number;
}

type Place = "src" | "dst" | "";

/** What each step does, and on which server it needs a connection. */
const STEPS: Readonly<Record<Exclude<RunnerStep, "idle">, readonly [(turn: Turn) => void, Place]>> = {
  "read dst": [resume.readDst, "dst"],
  "stamp dst": [resume.stampDst, "dst"],
  "read src": [resume.readSrc, "src"],
  "unseal map": [resume.unsealMap, ""],
  purge: [resume.purge, "dst"],
  "sync window": [resume.syncWindow, "dst"],
  "stamp src": [resume.stampSrc, "src"],
  capture: [resume.capture, "src"],
  "copy read": [phases.copyRead, "src"],
  "copy write": [phases.copyWrite, "dst"],
  "log read": [phases.logRead, "src"],
  "apply read": [phases.applyRead, "src"],
  "apply write": [phases.applyWrite, "dst"],
  "log delete": [phases.logDelete, "src"],
  verify: [phases.verify, "src"],
  cut: [phases.cut, "src"],
  drain: [phases.drain, "dst"],
  "sync dst": [phases.syncDst, "dst"],
  seal: [phases.seal, "src"],
  "sync src": [phases.syncSrc, "src"],
  flip: [phases.flip, ""],
  open: [phases.open, "dst"],
  window: [phases.window, "src"],
  retire: [phases.retire, "src"],
  clean: [phases.clean, "src"],
  end: [phases.end, ""],
};

function runnerSteps(state: State, index: number, rules: Rules, emit: Emit<State>): void {
  const turn = new Turn(state, index, rules, emit);
  const { me } = turn;
  if (me.step === "idle") {
    claimOrTakeOver(turn);
    return;
  }
  const [run, place] = STEPS[me.step];
  const isEndCut = me.step === "end" && rules.hasFailover && me.cut !== 0 && !turn.has("end not waited for");
  const bit = place === "" ? 0 : 1 << (place === "src" ? me.src : 1 - me.src);
  if ((me.cut & bit) !== 0 || isEndCut) turn.act("its connection has gone", (next) => turn.forget(next));
  else run(turn);
}

function claimOrTakeOver(turn: Turn): void {
  // Runners have no names: where both are idle, one of them is enough.
  const [first] = turn.state.runners;
  if (turn.index === 1 && first.step === "idle") return;
  resume.claim(turn);
  resume.takeOver(turn);
}

function initialServer(state: "owned" | "gone", value: number): Server {
  return {
    row: { state, epoch: state === "owned" ? 1 : 0, token: 0 },
    value,
    log: 0,
    copied: false,
    ident: 0,
    wiped: false,
    x: 0,
    before: null,
  };
}

function initialWriter(left: number): Writer {
  return {
    step: "idle",
    op: "put",
    shard: 0,
    epoch: 0,
    logged: 0,
    snapshot: "owned",
    isLost: false,
    left,
    viewOwner: 0,
    viewEpoch: 1,
    expired: false,
  };
}

export function shardModel(options: ShardOptions): Model<State> {
  const { commits = [1, 1], value = 1 } = options;
  const ops = options.ops ?? [
    ["put", "delete"],
    ["put", "update"],
  ];
  const rules: Rules = {
    mutations: new Set(options.mutations ?? []),
    hasFailover: (options.failovers ?? 0) > 0,
  };
  return {
    width: WIDTH,
    initial: () => ({
      owner: 0,
      epoch: 1,
      record: null,
      servers: [initialServer("owned", value), initialServer("gone", 0)],
      writers: [initialWriter(commits[0]), initialWriter(commits[1])],
      runners: [idleRunner(), idleRunner()],
      left: {
        moves: options.moves ?? 1,
        steals: options.steals ?? 0,
        crashes: options.crashes ?? 0,
        aborts: options.aborts ?? 0,
        windows: options.windows ?? 0,
        expiries: options.expiries ?? 0,
        failovers: options.failovers ?? 0,
      },
      truth: value,
      ident: 0,
      broken: null,
    }),
    encode: encodeState,
    decode: decodeState,
    steps: (state, emit) => {
      writerSteps(state, 0, ops[0], rules, emit);
      writerSteps(state, 1, ops[1], rules, emit);
      runnerSteps(state, 0, rules, emit);
      runnerSteps(state, 1, rules, emit);
      faults(state, emit);
    },
    violation: (before, after) => {
      const broken = violation(before, after);
      return broken?.startsWith(options.watch ?? "") ? broken : null;
    },
    isGoal: ({ record, writers }) => record === null && writers.every(({ step }) => step === "idle"),
    show,
  };
}

function show({ owner, epoch, record, servers }: State): string {
  const rows = servers.map(({ row, value, log, x }, shard) => {
    const lock = x === 0 ? "" : ` X:${x - 1}`;
    const logged = log === 0 ? "" : ` log:${log.toString(2)}`;
    return `${"AB"[shard]} ${row.state}@${row.epoch}/${row.token} =${value}${logged}${lock}`;
  });
  const move = record ? ` ${record.isReverse ? "reverse " : ""}${record.intent}/${record.token}` : "";
  return `map ${"AB"[owner]}@${epoch}${move} | ${rows.join(" | ")}`;
}
