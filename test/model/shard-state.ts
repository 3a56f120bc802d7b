/**
 * What the model of moving a bucket knows of the world: one bucket, one row of it, two servers, the store, two writers
 * with a router each, two runners. See docs/shards-protocol.md for the words.
 */

export type RowState = "owned" | "moving" | "sealed" | "gone" | "incoming";

/** The row of `dcs_bucket`. */
export interface Row {
  state: RowState;
  epoch: number;
  token: number;
}

/** What a failover of the server goes back to: the image before the mover's last change that no candidate has yet. */
export interface Before {
  row: Row;
  value: number;
  copied: boolean;
  wiped: boolean;
  ident: number;
  log: number;
}

export interface Server {
  row: Row;
  /** The application's row: 0 absent, or 1, 2. */
  value: number;
  /** Committed rows of the capture log, a bit for each id. */
  log: number;
  /** The progress row: true once the copy has passed the pk. */
  copied: boolean;
  /** Identity of the servers when the copy was begun, kept in the progress row. */
  ident: number;
  /** The mover has deleted the bucket's rows here since it was last served (known to nobody, used by the invariants). */
  wiped: boolean;
  /** Which runner's connection holds the X lock of the bucket row, plus 1; 0: none. */
  x: number;
  before: Before | null;
}

export type WriterStep = "idle" | "begun" | "guarded" | "missed";
export type WriterOp = "put" | "update" | "delete";

/** An application's transaction, and the router it goes through. */
export interface Writer {
  step: WriterStep;
  op: WriterOp;
  shard: number;
  /** Epoch of the map by which the transaction was routed. */
  epoch: number;
  /** Bit of the log row that the trigger wrote, uncommitted; 0: none. */
  logged: number;
  /** State of the bucket row in the transaction's snapshot (looked at by a mutation only). */
  snapshot: RowState;
  /** The update matched no row although there is one (known to nobody, used by the invariants). */
  isLost: boolean;
  /** Commits it may still make. */
  left: number;
  /** The router's map. */
  viewOwner: number;
  viewEpoch: number;
  /** The router's lease has run out. */
  expired: boolean;
}

export type RunnerStep =
  | "idle"
  | "read dst"
  | "stamp dst"
  | "read src"
  | "unseal map"
  | "purge"
  | "sync window"
  | "stamp src"
  | "capture"
  | "copy read"
  | "copy write"
  | "log read"
  | "apply read"
  | "apply write"
  | "log delete"
  | "verify"
  | "cut"
  | "drain"
  | "sync dst"
  | "seal"
  | "sync src"
  | "flip"
  | "open"
  | "window"
  | "retire"
  | "clean"
  | "end";
export type Intent = "move" | "abort";

/** A process that moves the bucket: its program counter and all it remembers. */
export interface Runner {
  step: RunnerStep;
  /** Token it was given by the store. */
  token: number;
  /** From the record, as it was when the token was given. */
  src: number;
  epoch: number;
  intent: Intent;
  /** The map already said dst. */
  flipped: boolean;
  /** The bucket row as last read, which the next change compares with. */
  seen: Row;
  /** A value read at the source, not yet written at the target. */
  value: number;
  /** Log rows read, a bit each. */
  ids: number;
  /** Highest log row read (looked at by a mutation only). */
  last: number;
  /** Its connections to these servers (a bit each) have gone. */
  cut: number;
}

/** The move record in the store. */
export interface MoveRecord {
  src: number;
  /** Epoch of the map before the flip. */
  epoch: number;
  token: number;
  intent: Intent;
  /** It is the reverse window of a move that is done. */
  isReverse: boolean;
}

/** How many of each event may still happen: this is what bounds the model. */
export interface Budget {
  moves: number;
  /** Takeovers from a runner that lives: its lease ran out while it slept. */
  steals: number;
  crashes: number;
  aborts: number;
  windows: number;
  expiries: number;
  failovers: number;
}

export interface State {
  owner: number;
  epoch: number;
  record: MoveRecord | null;
  servers: [Server, Server];
  writers: [Writer, Writer];
  runners: [Runner, Runner];
  left: Budget;
  /** The value by the last acknowledged write. */
  truth: number;
  /** How many failovers there were: what the servers' identity comes down to. */
  ident: number;
  /** A rule that the step itself broke; such a state is never stored. */
  broken: string | null;
}

/** A runner that has forgotten everything. */
export function idleRunner(): Runner {
  return {
    step: "idle",
    token: 0,
    src: 0,
    epoch: 0,
    intent: "move",
    flipped: false,
    seen: { state: "owned", epoch: 0, token: 0 },
    value: 0,
    ids: 0,
    last: 0,
    cut: 0,
  };
}

function cloneServer(server: Server): Server {
  const { before } = server;
  return {
    ...server,
    row: { ...server.row },
    before: before ? { ...before, row: { ...before.row } } : null,
  };
}

export function cloneState(state: State): State {
  const { servers, writers, runners } = state;
  return {
    ...state,
    record: state.record ? { ...state.record } : null,
    servers: [cloneServer(servers[0]), cloneServer(servers[1])],
    writers: [{ ...writers[0] }, { ...writers[1] }],
    runners: [
      { ...runners[0], seen: { ...runners[0].seen } },
      { ...runners[1], seen: { ...runners[1].seen } },
    ],
    left: { ...state.left },
  };
}

export function serverOf(state: State, shard: number): Server {
  return shard === 0 ? state.servers[0] : state.servers[1];
}

export function isWritable(row: Row): boolean {
  return row.state === "owned" || row.state === "moving";
}

/** The first token that is greater than every one that anybody still knows. */
export function nextToken(state: State): number {
  return Math.max(...tokensOf(state)) + 1;
}

export function tokensOf(state: State): number[] {
  const tokens = state.record ? [state.record.token] : [];
  for (const { row, before } of state.servers) {
    tokens.push(row.token);
    if (before) tokens.push(before.row.token);
  }
  for (const runner of state.runners) {
    if (runner.step !== "idle") tokens.push(runner.token, runner.seen.token);
  }
  return tokens;
}

/** All log ids that anybody still knows, a bit each. */
export function idsOf(state: State): number {
  let ids = 0;
  for (const { log, before } of state.servers) ids |= log | (before?.log ?? 0);
  for (const { logged } of state.writers) ids |= logged;
  for (const runner of state.runners) ids |= runner.ids | runner.last;
  return ids;
}

/** The bit of the next log row: ids only grow. */
export function nextId(state: State): number {
  return 1 << (32 - Math.clz32(idsOf(state)));
}
