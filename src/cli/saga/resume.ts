import { findRun } from "../../core/saga/operate/find-run.ts";
import { resumeRun } from "../../core/saga/operate/resume-run.ts";
import { goOn } from "./go-on.ts";
import { openSagas } from "./open-sagas.ts";
import { actor, mandatoryReason } from "./operator-flags.ts";
import type { VerbFlags, VerbPlaces } from "./run-verb.ts";

/** `saga resume`. */
export async function runResume(
  id: string,
  flags: Pick<VerbFlags, "reason" | "detach" | "wait">,
  places: VerbPlaces,
): Promise<void> {
  const reason = mandatoryReason(flags.reason, "dcs saga resume");
  await using opened = await openSagas(places);
  const { journal } = opened.sagas;
  const found = await findRun(journal, id);
  const { state } = await resumeRun(journal, found.state.runId, { actor: actor(), reason });
  await goOn("saga.resume", state.runId, flags, { ...places, opened });
}
