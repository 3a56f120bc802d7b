import type { EffectLedger } from "../../support/effect-ledger.ts";
import { problemsOf, type RandomSaga } from "../../support/random-saga.ts";

/**
 * As `problemsOf`, without requests that came after their step was undone: a busy machine delivers an attempt that was given
 * up, under a key whose effect is there already, as late as it likes, and that has no effect. That nothing is *begun* again
 * after it was undone is seen exactly in the journal, by `problemsInJournal`.
 */
export function problemsOfCase(saga: RandomSaga, ledger: EffectLedger, id: string, status: string): string[] {
  return problemsOf(saga, ledger, id, status).filter((problem) => !problem.startsWith('{"kind":"resent"'));
}
