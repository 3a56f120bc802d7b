import { stringify } from "yaml";
import { seededRandom } from "../../src/core/util/seeded-random.ts";
import type { EffectLedger } from "./effect-ledger.ts";

export interface RandomSagaOptions {
  readonly seed: number;
  /** Of the ledger that its steps call. */
  readonly url: string;
  readonly maxSteps?: number;
  /** Less than the ledger's `lateMs`, which is less than both together. */
  readonly timeoutMs?: number;
  readonly settleMs?: number;
}

/** A definition whose steps call an `EffectLedger`. Its runs need the input `id`, a text that names the case. */
export interface RandomSaga {
  readonly text: string;
  readonly steps: readonly string[];
  /** Steps that nothing undoes. */
  readonly kept: readonly string[];
}

/** A definition that the seed decides: branches, or a chain with a pivot; probes, nullSafe and policies by chance. */
export function randomSaga(options: RandomSagaOptions): RandomSaga {
  const { seed, url, maxSteps = 6, timeoutMs = 400, settleMs = 400 } = options;
  const random = seededRandom(seed);
  const count = 1 + Math.floor(random() * maxSteps);
  const pivot = random() < 0.4 ? Math.floor(random() * count) : null;
  const names = Array.from({ length: count }, (_, index) => `s${index}`);
  const kept = pivot === null ? [] : names.slice(pivot);
  const steps = names.map((name, index) => {
    const earlier = names.slice(0, index);
    // Where there is a pivot the steps are a chain, so that each stands before or after it.
    const needs = pivot === null ? earlier.filter(() => random() < 0.4) : earlier.slice(-1);
    const [hasProbe, nullSafe] = [random() < 0.5, random() < 0.4];
    const unknown = random() < 0.1 ? "park" : hasProbe && random() < 0.6 ? "probe" : "idempotent";
    const isKept = kept.includes(name);
    const after = needs.map((need) => `\${{ steps.${need}.output.key }}`);
    const undo = { id: `\${{ input.id }}`, action: `\${{ actionKey }}`, nullSafe };
    return {
      name,
      needs,
      action: { http: `POST ${url}/do/${name}`, body: { id: `\${{ input.id }}`, after, kept: isKept } },
      ...(hasProbe ? { probe: { http: `GET ${url}/probe/${name}/\${{ key }}?id=\${{ input.id }}` } } : {}),
      ...(isKept ? {} : { compensate: { http: `POST ${url}/undo/${name}`, body: undo, nullSafe } }),
      ...(pivot === index ? { pivot: true } : {}),
      timeout: `${timeoutMs}ms`,
      settle: `${settleMs}ms`,
      retry: { attempts: 5, initial: "5ms", max: "50ms" },
      unknown,
    };
  });
  const text = stringify({ saga: `random-${seed}`, input: { id: "string" }, steps });
  return { text, steps: names, kept };
}

/**
 * What is wrong with how a case ended, as the ledger has it: completed means that everything stands, compensated that
 * nothing does but what nothing undoes. Empty when all is right. Late effects must have come: `ledger.coming` is 0.
 */
export function problemsOf(saga: RandomSaga, ledger: EffectLedger, id: string, status: string): string[] {
  const problems = ledger.violations.filter((each) => each.id === id).map((each) => JSON.stringify(each));
  const standing = ledger.standing(id);
  const left = standing.filter((step) => !saga.kept.includes(step));
  const tell = (what: string) => problems.push(`${id} is ${status}: ${what} [${standing.join(" ")}]`);
  if (!["completed", "compensated", "cancelled", "parked"].includes(status)) tell("it has not ended");
  if (status === "completed" && standing.join() !== [...saga.steps].sort().join()) tell("not all stands");
  if (status === "compensated" && left.length > 0) tell("something stands");
  if (status === "cancelled" && standing.length > 0) tell("something stands");
  if (new Set(standing).size < standing.length) tell("something stands twice");
  const keys = ledger.effectsOf(id).map(({ key }) => key);
  if (new Set(keys).size < keys.length) tell("a key took effect more than once");
  return problems;
}
