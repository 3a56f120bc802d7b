/**
 * A small explicit-state model checker: breadth first over all reachable states, so that the trace of a violation is a
 * shortest one. States are kept as their encoded bytes in one arena, found again through an open-addressing hash table
 * (FNV-1a); nothing is thrown away or approximated, two states are one only when all their bytes are equal.
 */

/** One step out of a state: who made it, what it was, what came of it, and whether the step itself broke a rule. */
export type Emit<S> = (who: string, what: string, next: S) => void;

export interface Model<S> {
  /** Bytes of an encoded state. */
  readonly width: number;
  initial(): S;
  /** Writes the canonical form of a state: states that only differ by names of no meaning get the same bytes. */
  encode(state: S, bytes: Uint8Array, offset: number): void;
  decode(bytes: Uint8Array, offset: number): S;
  steps(state: S, emit: Emit<S>): void;
  /** What is wrong with this step or with the state it led to; null when nothing is. */
  violation(before: S | null, after: S): string | null;
  /** Liveness: such a state must be reachable from every reachable state. */
  isGoal(state: S): boolean;
  /** One line, for traces. */
  show(state: S): string;
}

export interface CheckResult {
  readonly states: number;
  readonly steps: number;
  /** Length of the longest shortest path. */
  readonly depth: number;
  readonly seconds: number;
  /** What was broken, or null. */
  readonly broken: string | null;
  /** The steps that lead there, each with the state after it. */
  readonly trace: readonly string[];
}

const NONE = -1;

/** A list of numbers that grows without boxing them. */
class Ints {
  #items = new Int32Array(1 << 16);
  length = 0;

  push(value: number): void {
    if (this.length === this.#items.length) {
      const wider = new Int32Array(this.#items.length * 2);
      wider.set(this.#items);
      this.#items = wider;
    }
    this.#items[this.length++] = value;
  }

  at(index: number): number {
    return this.#items[index] ?? NONE;
  }
}

/** The set of seen states: each has a number, in the order of discovery. */
class Seen {
  readonly #width: number;
  #arena: Uint8Array;
  #table = new Int32Array(1 << 18).fill(NONE);
  length = 0;

  constructor(width: number) {
    this.#width = width;
    this.#arena = new Uint8Array(width << 16);
  }

  get bytes(): Uint8Array {
    return this.#arena;
  }

  /** Where the next candidate is to be encoded; `add` then keeps it or finds the one there was. */
  room(): number {
    const offset = this.length * this.#width;
    if (offset + this.#width > this.#arena.length) {
      const wider = new Uint8Array(this.#arena.length * 2);
      wider.set(this.#arena);
      this.#arena = wider;
    }
    return offset;
  }

  /** The number of the state encoded at `room()`, and whether it is new. */
  add(): { readonly id: number; readonly isNew: boolean } {
    const slot = this.#slot(this.length);
    const found = this.#table[slot] ?? NONE;
    if (found !== NONE) return { id: found, isNew: false };
    this.#table[slot] = this.length;
    const id = this.length++;
    if (this.length * 2 > this.#table.length) this.#rehash();
    return { id, isNew: true };
  }

  #slot(id: number): number {
    const mask = this.#table.length - 1;
    let slot = this.#hash(id) & mask;
    for (;;) {
      const other = this.#table[slot] ?? NONE;
      if (other === NONE || this.#equal(other, id)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #hash(id: number): number {
    let hash = 0x811c9dc5;
    const start = id * this.#width;
    for (let i = start; i < start + this.#width; i++) {
      hash = Math.imul(hash ^ (this.#arena[i] ?? 0), 0x01000193);
    }
    return (hash ^ (hash >>> 15)) >>> 0;
  }

  #equal(a: number, b: number): boolean {
    const left = a * this.#width;
    const right = b * this.#width;
    for (let i = 0; i < this.#width; i++) {
      if (this.#arena[left + i] !== this.#arena[right + i]) return false;
    }
    return true;
  }

  #rehash(): void {
    this.#table = new Int32Array(this.#table.length * 2).fill(NONE);
    for (let id = 0; id < this.length; id++) this.#table[this.#slot(id)] = id;
  }
}

/**
 * Explores everything reachable. Stops at the first violation; where there is none, looks for a state from which no goal
 * can be reached. Throws when there are more than `limit` states: a model that is cut off proves nothing.
 */
export function check<S>(model: Model<S>, limit: number): CheckResult {
  const started = performance.now();
  const seen = new Seen(model.width);
  const parents = new Ints();
  const depths = new Ints();
  const from = new Ints();
  const to = new Ints();
  const goals: number[] = [];

  const result = (broken: string | null, trace: readonly string[]): CheckResult => ({
    states: seen.length,
    steps: to.length,
    depth: depths.at(depths.length - 1),
    seconds: (performance.now() - started) / 1000,
    broken,
    trace,
  });
  const path = (id: number): number[] => {
    const ids = [id];
    for (let at = parents.at(id); at !== NONE; at = parents.at(at)) ids.unshift(at);
    return ids;
  };

  let broken: { readonly why: string; readonly ids: readonly number[] } | null = null;
  const visit = (parent: number, before: S | null, state: S): void => {
    if (broken) return;
    const why = model.violation(before, state);
    const room = seen.room();
    model.encode(state, seen.bytes, room);
    const { id, isNew } = seen.add();
    if (isNew) {
      parents.push(parent);
      depths.push(parent === NONE ? 0 : depths.at(parent) + 1);
      if (model.isGoal(state)) goals.push(id);
    }
    if (parent !== NONE) {
      from.push(parent);
      to.push(id);
    }
    if (why) broken = { why, ids: parent === NONE ? [id] : [...path(parent), id] };
  };

  visit(NONE, null, model.initial());
  for (let id = 0; id < seen.length && !broken; id++) {
    if (seen.length > limit) throw new Error(`more than ${limit} states`);
    const state = model.decode(seen.bytes, id * model.width);
    model.steps(state, (_who, _what, next) => visit(id, state, next));
  }
  if (broken) {
    const { why, ids } = broken as { readonly why: string; readonly ids: readonly number[] };
    return result(why, replay(model, seen, ids));
  }
  const stuck = firstStuck(seen.length, from, to, goals);
  if (stuck === NONE) return result(null, []);
  return result("nobody can finish or abort from here", replay(model, seen, path(stuck)));
}

/** The first state from which no goal is reachable, by walking the steps backwards from the goals. */
function firstStuck(states: number, from: Ints, to: Ints, goals: readonly number[]): number {
  const starts = new Int32Array(states + 1);
  for (let i = 0; i < to.length; i++) {
    const at = to.at(i) + 1;
    starts[at] = (starts[at] ?? 0) + 1;
  }
  for (let id = 0; id < states; id++) starts[id + 1] = (starts[id + 1] ?? 0) + (starts[id] ?? 0);
  const next = starts.slice();
  const sources = new Int32Array(to.length);
  for (let i = 0; i < to.length; i++) {
    const target = to.at(i);
    const at = next[target] ?? 0;
    sources[at] = from.at(i);
    next[target] = at + 1;
  }
  const good = new Uint8Array(states);
  const queue = [...goals];
  for (const id of queue) good[id] = 1;
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (let i = starts[id] ?? 0; i < (starts[id + 1] ?? 0); i++) {
      const source = sources[i] ?? 0;
      if (good[source] === 1) continue;
      good[source] = 1;
      queue.push(source);
    }
  }
  return good.indexOf(0);
}

/**
 * The steps along a path. They are made again from the initial state without renaming anything, so that a token or a
 * runner keeps its name through the trace.
 */
function replay<S>(model: Model<S>, seen: Seen, ids: readonly number[]): string[] {
  const bytes = new Uint8Array(model.width);
  const sameAs = (state: S, id: number): boolean => {
    model.encode(state, bytes, 0);
    const start = id * model.width;
    return bytes.every((byte, i) => byte === seen.bytes[start + i]);
  };
  let state = model.initial();
  const lines = [`   start: ${model.show(state)}`];
  for (const id of ids.slice(1)) {
    let found: { readonly line: string; readonly next: S } | null = null;
    const last = id === ids.at(-1);
    model.steps(state, (who, what, next) => {
      if (!sameAs(next, id)) return;
      if (found && !(last && model.violation(state, next))) return;
      found = { line: `${who}: ${what}`, next };
    });
    if (!found) throw new Error("the trace cannot be made again: encode() loses something");
    const { line, next } = found as { readonly line: string; readonly next: S };
    lines.push(`${String(lines.length).padStart(2)} ${line.padEnd(64)} ${model.show(next)}`);
    state = next;
  }
  return lines;
}
