import { DcsError } from "../../errors.ts";
import type { Journal, RunRecord } from "../journal/journal.ts";

const SHOWN = 5;

/** The run with that id, or the only one whose id begins so. RUN_NOT_FOUND, RUN_AMBIGUOUS. */
export async function findRun(
  journal: Pick<Journal, "run" | "runs" | "url">,
  id: string,
): Promise<RunRecord> {
  const exact = await journal.run(id);
  if (exact !== null) return exact;
  const found = id === "" ? [] : await journal.runs({ idPrefix: id, limit: SHOWN + 1 });
  const [only, ...others] = found;
  if (only === undefined) {
    throw new DcsError("RUN_NOT_FOUND", `no run "${id}" in the journal ${journal.url}`, {
      details: { run: id, journal: journal.url },
    });
  }
  if (others.length === 0) return (await journal.run(only.state.runId)) ?? only;
  const ids = found.slice(0, SHOWN).map(({ state }) => state.runId);
  const more = found.length > SHOWN ? ", …" : "";
  throw new DcsError("RUN_AMBIGUOUS", `"${id}" begins the ids of several runs: ${ids.join(", ")}${more}`, {
    details: { run: id, matches: ids },
  });
}
