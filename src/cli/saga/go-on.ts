import { moment } from "../../core/saga/operate/say.ts";
import { sameBackend } from "../where.ts";
import type { OpenSagas } from "./open-sagas.ts";
import { reportRun } from "./report-run.ts";
import type { VerbFlags, VerbPlaces } from "./run-verb.ts";
import { tellExit } from "./tell-exit.ts";
import { tellSteps, tellStop } from "./tell-steps.ts";
import { warnWithoutWorkers } from "./workers.ts";

/** After something was asked of a run: sees it to its end, here as soon as nobody else has it; or leaves it to the workers. */
export async function goOn(
  kind: string,
  runId: string,
  flags: Pick<VerbFlags, "detach" | "wait">,
  places: VerbPlaces & { readonly opened: OpenSagas },
): Promise<void> {
  const { out, signal, settings, opened } = places;
  const { sagas } = opened;
  const record = await sagas.journal.run(runId);
  const owner = record?.owner ?? null;
  if (flags.detach !== true) {
    out.note(`run ${runId}`);
    const dueAt = record?.dueAt ?? 0;
    const now = await sagas.journal.now();
    if (owner !== null && dueAt > now) {
      out.note(`${owner} has it, or had it; if it is gone, it is taken over at ${moment(dueAt, now)}`);
    }
    tellExit(out);
    tellStop(out, signal);
    const onStep = tellSteps(out, record?.state);
    const followed = await sagas.follow(runId, { signal, waitMs: flags.wait, onStep });
    await reportRun(kind, followed, { sagas, settings, out, signal });
    return;
  }
  if (owner === null) await warnWithoutWorkers(places);
  const see = `dcs saga show ${runId} --watch${sameBackend(settings)}`;
  out.result(
    kind,
    { run: runId, status: record?.state.status ?? null, owner, detached: true },
    {
      lines: () => [`asked  ${runId}: ${owner ?? "the next worker"} takes it up`, `see    ${see}`],
      names: () => [runId],
    },
  );
}
