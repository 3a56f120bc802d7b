import fc from "fast-check";
import { expect, it } from "vitest";
import { parseDefinition } from "../../../src/core/saga/definition/read-definition.ts";
import { type Fate, fates, type Meddling, SimulatedWorld } from "./simulated-world.ts";

const RETRY = "retry: { attempts: 3, initial: 100ms }";

const anyFate = fc.constantFrom<Fate>(
  "ok",
  "ok",
  "ok",
  "fail",
  "not-sent",
  "applied-timeout",
  "lost-timeout",
  "late",
  "crash",
  "crash-after",
);
const anyStep = fc.record({
  needs: fc.array(fc.nat(5), { maxLength: 3 }),
  probe: fc.boolean(),
  nullSafe: fc.boolean(),
  unknown: fc.constantFrom("idempotent", "probe", "park"),
  fates: fc.array(anyFate, { minLength: 1, maxLength: 4 }),
  undoFates: fc.array(anyFate, { minLength: 1, maxLength: 3 }),
});
const anyRun = fc.record({
  steps: fc.array(anyStep, { minLength: 1, maxLength: 6 }),
  pivot: fc.option(fc.nat(5)),
});
type AnyRun = typeof anyRun extends fc.Arbitrary<infer T> ? T : never;

async function worldOf({ steps, pivot }: AnyRun): Promise<SimulatedWorld> {
  const names = steps.map((_, index) => `s${index}`);
  const lines = steps.map(({ needs, probe, nullSafe, unknown }, index) => {
    const isPivot = pivot === index;
    // Where there is a pivot the steps are a chain, so that each stands before or after it.
    const before =
      pivot === null ? [...new Set(needs.filter((need) => need < index))] : index === 0 ? [] : [index - 1];
    const parts = [
      `name: s${index}`,
      `needs: [${before.map((need) => names[need]).join(", ")}]`,
      "action: { exec: [x] }, timeout: 1s, settle: 300ms",
      RETRY,
      `unknown: ${unknown === "probe" && !probe ? "park" : unknown}`,
    ];
    if (probe) parts.push("probe: { exec: [x] }");
    if (isPivot) parts.push("pivot: true");
    else if (pivot === null || index < pivot) parts.push(`compensate: { exec: [x], nullSafe: ${nullSafe} }`);
    return `  - { ${parts.join(", ")} }`;
  });
  const { definition } = await parseDefinition(["saga: s", "steps:", ...lines].join("\n"), "f.yaml");
  const table = Object.fromEntries(
    steps.flatMap((each, index) => [
      [`s${index}`, each.fates],
      [`undo.s${index}`, each.undoFates],
    ]),
  );
  return new SimulatedWorld(definition, fates(table));
}

function checkEnd({ definition, state, standing, applied, log }: SimulatedWorld): void {
  const { status } = state;
  const all = definition.steps.map(({ name }) => name);
  const story = log.join("; ");
  expect(["completed", "compensated", "cancelled", "parked"], story).toContain(status);
  if (status === "completed") expect(standing, story).toEqual(all.sort());
  if (status === "compensated" || status === "cancelled") expect(standing, story).toEqual([]);
  if (status === "cancelled") expect(applied.size, story).toBe(0);
}

it(
  "any definition, any fate: completed means all, compensated means nothing, and it always ends or says why not",
  () =>
    fc.assert(
      fc.asyncProperty(anyRun, async (run) => {
        const world = await worldOf(run);
        world.play();
        checkEnd(world);
      }),
      { numRuns: 1000 },
    ),
  60_000,
);

it("whatever operators ask for and workers lose meanwhile, the same holds, and the truth ends what is parked", () => {
  const meddling = fc.record({
    what: fc.constantFrom<Meddling>("cancel", "compensate", "resume", "truth", "lose", "drain", "stale"),
    which: fc.nat(20),
    after: fc.nat(6),
  });
  return fc.assert(
    fc.asyncProperty(anyRun, fc.array(meddling, { minLength: 1, maxLength: 8 }), async (run, plan) => {
      const world = await worldOf(run);
      const left = [...plan];
      let since = 0;
      const meddle = () => {
        const [next] = left;
        if (next === undefined || since++ < next.after) return;
        left.shift();
        since = 0;
        world.meddle(next.what, next.which);
      };
      do {
        world.play(meddle);
        checkEnd(world);
        // What is asked of a run that has stopped comes while nothing happens.
        for (let i = 0; i < 10; i++) meddle();
      } while (left.length > 0);
      world.play();
      checkEnd(world);
      world.mend();
      for (let i = 0; i < 40 && world.state.status === "parked"; i++) {
        world.settle();
        world.meddle(i % 2 === 0 ? "truth" : "resume", i);
        world.play();
        checkEnd(world);
      }
      expect(world.state.status, world.log.join("; ")).not.toBe("parked");
    }),
    { numRuns: process.env["DCS_LONG"] === "1" ? 10_000 : 1000 },
  );
}, 300_000);
