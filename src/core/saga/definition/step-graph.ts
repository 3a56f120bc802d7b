/** The order of steps as a graph: who must be done before whom. */
export interface GraphStep {
  readonly name: string;
  readonly needs: readonly string[];
}

type Ancestors = ReadonlyMap<string, ReadonlySet<string>>;

/** By the list of steps: it takes quadratic time, and is asked for with every call. */
const KNOWN = new WeakMap<readonly GraphStep[], Ancestors>();

/** Ancestors of each step: all that must be done before it. Steps that `needs` names and nobody defines are left out. */
export function ancestorsOf(steps: readonly GraphStep[]): Ancestors {
  const known = KNOWN.get(steps) ?? findAncestors(steps);
  KNOWN.set(steps, known);
  return known;
}

function findAncestors(steps: readonly GraphStep[]): Ancestors {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const found = new Map<string, Set<string>>();
  const visit = (name: string): Set<string> => {
    const before = found.get(name);
    if (before !== undefined) return before;
    const all = new Set<string>();
    // Set before it is filled, so that a cycle ends.
    found.set(name, all);
    for (const need of byName.get(name)?.needs ?? []) {
      if (!byName.has(need)) continue;
      all.add(need);
      for (const each of visit(need)) all.add(each);
    }
    return all;
  };
  for (const { name } of steps) visit(name);
  return found;
}

/** One cycle as the names along it, the first again at the end; null where there is none. */
export function findCycle(steps: readonly GraphStep[]): readonly string[] | null {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): readonly string[] | null => {
    const at = path.indexOf(name);
    if (at >= 0) return [...path.slice(at), name];
    if (done.has(name)) return null;
    path.push(name);
    for (const need of byName.get(name)?.needs ?? []) {
      const cycle = visit(need);
      if (cycle !== null) return cycle;
    }
    path.pop();
    done.add(name);
    return null;
  };
  for (const { name } of steps) {
    const cycle = visit(name);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** The steps so that each stands behind all that it needs; else in the order given. There must be no cycle. */
export function inOrder<T extends GraphStep>(steps: readonly T[]): readonly T[] {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const placed = new Set<T>();
  const place = (step: T): void => {
    if (placed.has(step)) return;
    for (const need of step.needs) {
      const before = byName.get(need);
      if (before !== undefined) place(before);
    }
    placed.add(step);
  };
  for (const step of steps) place(step);
  return [...placed];
}
