import fc from "fast-check";
import { expect, it } from "vitest";
import { isDcsError } from "../../../../src/core/errors.ts";
import type { Definition } from "../../../../src/core/saga/definition/definition.ts";
import { callKey, type RunState } from "../../../../src/core/saga/engine/run-state.ts";
import type { CallChange, RunRecord } from "../../../../src/core/saga/journal/journal.ts";
import { planReplay, type ReplayPlan } from "../../../../src/core/saga/operate/replay-plan.ts";
import { type Fate, SimulatedWorld } from "../simulated-world.ts";
import { hashOf, prepare } from "./prepare.ts";
import { definitionOf, recordOf } from "./records.ts";

interface StepSpec {
  readonly needs: readonly number[];
  readonly hasProbe: boolean;
  readonly hasUndo: boolean;
  readonly nullSafe: boolean;
  readonly readsInput: boolean;
}

interface ReplaySpec {
  readonly from: number | null;
  readonly amount: number;
  readonly newKey: boolean;
  readonly fates: readonly Fate[];
}

const fate = fc.constantFrom<Fate>(
  "ok",
  "ok",
  "ok",
  "ok",
  "fail",
  "not-sent",
  "applied-timeout",
  "lost-timeout",
  "crash-after",
);
const fates = fc.array(fate, { minLength: 12, maxLength: 12 });
const step = fc.record({
  needs: fc.array(fc.nat(4), { maxLength: 2 }),
  hasProbe: fc.boolean(),
  hasUndo: fc.boolean(),
  nullSafe: fc.boolean(),
  readsInput: fc.boolean(),
});
const replay = fc.record({
  from: fc.option(fc.nat(4)),
  amount: fc.nat(2),
  newKey: fc.boolean(),
  fates,
});

async function build(steps: readonly StepSpec[]): Promise<Definition> {
  const lines = steps.map(({ needs, hasProbe, hasUndo, nullSafe, readsInput }, index) => {
    const before = [...new Set(needs.filter((need) => need < index))];
    const reads = before.map((need) => `, o${need}: "\${{ steps.s${need}.output }}"`).join("");
    const amount = readsInput ? `, amount: "\${{ input.amount }}"` : "";
    return [
      `  - name: s${index}`,
      `    needs: [${before.map((need) => `s${need}`).join(", ")}]`,
      `    action: { http: POST http://x/${index}, body: { n: 1${reads}${amount} } }`,
      "    retry: { attempts: 2, initial: 100ms }",
      "    timeout: 1s",
      ...(hasProbe ? ["    probe: { http: GET http://x/ }"] : []),
      ...(hasUndo ? [`    compensate: { http: DELETE http://x/, nullSafe: ${nullSafe} }`] : []),
    ].join("\n");
  });
  return definitionOf(["saga: s", "steps:", ...lines].join("\n"));
}

/** Plays runs of one family one after the other against services that remember every key. */
class Family {
  readonly definition: Definition;
  readonly records: RunRecord[] = [];
  readonly world: SimulatedWorld;
  readonly owned = new Map<string, string>();
  #fates: readonly Fate[] = [];
  #calls = 0;

  constructor(definition: Definition) {
    this.definition = definition;
    this.world = new SimulatedWorld(
      definition,
      () => this.#fates[this.#calls++ % this.#fates.length] ?? "ok",
    );
    this.world.state = { ...this.world.state, input: { amount: 0 } };
    for (const { name } of definition.steps) this.own("run", name, 1);
  }

  own(run: string, name: string, generation: number): void {
    const id = `${name}:${generation}`;
    const owner = this.owned.get(id);
    if (owner !== undefined && owner !== run) throw new Error(`${id} is owned by ${owner} and by ${run}`);
    this.owned.set(id, run);
  }

  /** Plays the present run on, and keeps it as the journal would. */
  play(next: readonly Fate[]): RunRecord {
    this.#fates = next;
    this.#calls = 0;
    this.world.play();
    const { state } = this.world;
    const outputs = Object.fromEntries(
      Object.entries(state.steps).map(([name, both]) => [name, both.do.output]),
    );
    const inputHashes = Object.fromEntries(
      this.definition.steps.map((each) => [
        `${each.name}:do`,
        hashOf({ definition: this.definition, step: each, input: state.input, outputs }),
      ]),
    );
    const record = recordOf(this.definition, { state, inputHashes });
    const last = this.records.at(-1);
    if (last?.state.runId === state.runId) this.records.pop();
    this.records.push(record);
    return record;
  }

  begin({ how, steps: planned }: ReplayPlan): RunState {
    // They stay where they are, and count no more.
    for (const { supersedes } of planned) this.world.effects.delete(supersedes?.key ?? "");
    if (how.kind === "itself") {
      for (const [name, both] of Object.entries(how.event.steps)) {
        const { runId, steps } = this.world.state;
        if (steps[name]?.do.generation !== both.do.generation) this.own(runId, name, both.do.generation);
      }
      this.world.apply(how.event);
    } else {
      for (const { step: name, direction, isOwn } of how.calls satisfies readonly CallChange[]) {
        if (isOwn && direction === "do")
          this.own(how.state.runId, name, how.state.steps[name]?.do.generation ?? 0);
      }
      this.world.state = how.state;
    }
    return this.world.state;
  }

  /** Keys of actions whose compensation was begun in any run. */
  get undoneKeys(): ReadonlySet<string> {
    const keys = this.records.flatMap(({ state }) =>
      Object.entries(state.steps)
        .filter(([, both]) => both.undo.attempts > 0)
        .map(([name, both]) => callKey("run", name, "do", both.do.generation)),
    );
    return new Set(keys);
  }
}

it("any family of replays: no key is sent again after its undo, no generation has two owners, and completed means all", () => {
  let replayed = 0;
  return fc
    .assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 5 }),
        fates,
        fc.array(replay, { minLength: 1, maxLength: 4 }),
        async (steps, first, replays) => {
          const family = new Family(await build(steps));
          let record = family.play(first);
          for (const [index, spec] of replays.entries()) {
            const plan = tryPlan(family, record, spec, index);
            if (plan === null || plan.steps.some(({ action }) => action === "BLOCKED")) continue;
            check(plan, record, family);
            const applied = new Map(family.world.applied);
            family.begin(plan);
            record = family.play(spec.fates);
            replayed++;
            checkEffects(plan, record, family, applied);
          }
        },
      ),
      { numRuns: 400 },
    )
    .then(() => expect(replayed).toBeGreaterThan(100));
}, 60_000);

function tryPlan(family: Family, record: RunRecord, spec: ReplaySpec, index: number): ReplayPlan | null {
  const { definition, records, world } = family;
  const isGoingBack = record.state.direction === "undo" && record.state.status === "parked";
  const from = spec.from === null ? undefined : definition.steps[spec.from]?.name;
  const input = spec.amount === 0 ? null : { amount: spec.amount };
  try {
    return planReplay(
      record,
      {
        from: isGoingBack ? null : (from ?? null),
        input: isGoingBack ? null : input,
        newKey: spec.newKey,
        definition: null,
      },
      { definition, family: records, prepare, childId: `child${index}`, now: world.now },
    );
  } catch (error) {
    if (isDcsError(error, "RUN_STATE")) return null;
    throw error;
  }
}

function check(plan: ReplayPlan, record: RunRecord, { undoneKeys }: Family): void {
  for (const { name, action, key, direction } of plan.steps) {
    const both = record.state.steps[name];
    if (direction === "do" && key !== null) expect(undoneKeys.has(key)).toBe(false);
    if (action === "REUSE" && plan.how.kind === "child") {
      expect(both?.do.status).toBe("done");
      expect(both?.undo.status).not.toBe("done");
      expect(plan.how.state.steps[name]?.do).toEqual(both?.do);
    }
  }
}

function checkEffects(
  plan: ReplayPlan,
  { state }: RunRecord,
  { world }: Family,
  applied: ReadonlyMap<string, number>,
): void {
  if (state.status === "completed") expect(world.standing).toEqual(Object.keys(state.steps).sort());
  for (const { name, action, key, generation } of plan.steps) {
    const own = callKey("run", name, "do", generation);
    // What is taken over takes effect no second time; what is done anew does, once.
    if (action === "REUSE") expect(world.applied.get(own)).toBe(applied.get(own));
    if (
      action === "RE-EXECUTE" &&
      key !== null &&
      state.status === "completed" &&
      plan.how.kind === "child"
    ) {
      expect(applied.has(key)).toBe(false);
      expect(world.applied.get(key)).toBe(1);
    }
  }
}
