import type { ReadDefinition } from "../../core/saga/definition/read-definition.ts";
import type { RunRecord } from "../../core/saga/journal/journal.ts";
import type { NewRunParts } from "../../core/saga/run/sagas.ts";
import type { ProcessSecrets } from "../../core/saga/secrets/process-secrets.ts";
import { sameInput } from "../../core/saga/secrets/same-input.ts";
import type { Output } from "../output.ts";

/** A warning where a business key stands for a run that was begun with something else than what was given now. */
export function warnOtherRun(
  { state, businessKey }: RunRecord,
  { definition, hash }: ReadDefinition,
  { input }: NewRunParts,
  { out, secrets }: { readonly out: Output; readonly secrets: ProcessSecrets },
): void {
  if (businessKey === null) return;
  const other = [
    ...(sameInput(definition, state.input, input, secrets.sealer) === false ? ["another input"] : []),
    ...(state.defHash === hash ? [] : ["another definition"]),
  ];
  if (other.length === 0) return;
  out.warn(
    "KEY_USED",
    `the key ${businessKey} began run ${state.runId} before, with ${other.join(" and ")}: what was given now was not used; to begin another run give another --key`,
  );
}
