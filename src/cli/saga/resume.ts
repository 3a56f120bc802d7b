import { findRun } from "../../core/saga/operate/find-run.ts";
import { resumeRun } from "../../core/saga/operate/resume-run.ts";
import { seenDefinition } from "../../core/saga/operate/seen-definition.ts";
import { goOn } from "./go-on.ts";
import { openSagas } from "./open-sagas.ts";
import { actor, mandatoryReason } from "./operator-flags.ts";
import { redactor, type VerbFlags, type VerbPlaces } from "./run-verb.ts";

/** `saga resume`. */
export async function runResume(
  id: string,
  flags: Pick<VerbFlags, "reason" | "detach" | "wait">,
  places: VerbPlaces,
): Promise<void> {
  const typed = mandatoryReason(flags.reason, "dcs saga resume");
  await using opened = await openSagas({ ...places, reader: places.out });
  const { journal, definitions } = opened.sagas;
  const record = await findRun(journal, id);
  const { definition } = await seenDefinition(record, definitions);
  const reason = redactor({ record, definition, opened }).text(typed);
  const { state } = await resumeRun(journal, record.state.runId, { actor: actor(), reason });
  await goOn("saga.resume", state.runId, flags, { ...places, opened });
}
