import type { Definition } from "../../core/saga/definition/definition.ts";
import type { RunRecord } from "../../core/saga/journal/journal.ts";
import { findRun } from "../../core/saga/operate/find-run.ts";
import { graph } from "../../core/saga/operate/graph.ts";
import { ENDED, type RunView, runView } from "../../core/saga/operate/run-view.ts";
import { seenDefinition } from "../../core/saga/operate/seen-definition.ts";
import { type TimelineLine, timeline } from "../../core/saga/operate/timeline.ts";
import type { Sagas } from "../../core/saga/run/sagas.ts";
import { type Paint, paint } from "../colour.ts";
import type { Output } from "../output.ts";
import { runLines } from "./run-lines.ts";
import { auditLine, timelineLine } from "./timeline-lines.ts";

/** Everything there is to see of a run at one moment. */
export interface SeenRun {
  readonly record: RunRecord;
  readonly definition: Definition;
  readonly view: RunView;
  readonly timeline: readonly TimelineLine[];
  readonly audits: Awaited<ReturnType<Sagas["journal"]["audits"]>>;
  /** Ids of the runs of its family, oldest first. */
  readonly family: readonly string[];
}

/** One look. RUN_NOT_FOUND, RUN_AMBIGUOUS. A definition that cannot be read is told on `out` and shown by its names. */
export async function seeRun(id: string, { journal, definitions }: Sagas, out: Output): Promise<SeenRun> {
  const record = await findRun(journal, id);
  const { runId, rootId } = record.state;
  const [{ definition, problem }, events, audits, family, now] = await Promise.all([
    seenDefinition(record, definitions),
    journal.events(runId),
    journal.audits(runId),
    journal.family(rootId),
    journal.now(),
  ]);
  if (problem !== null) out.warn(problem.code, `its definition cannot be read here: ${problem.message}`);
  return {
    record,
    definition,
    view: runView(record, definition, { events, now }),
    timeline: timeline(events, record.createdAt),
    audits,
    family: family.map(({ state }) => state.runId),
  };
}

/** Nothing moves it by itself any more. */
export function isSettled({ record }: SeenRun): boolean {
  const { status } = record.state;
  return (status === "parked" || ENDED.includes(status)) && record.requests.length === 0;
}

export function seenData({
  view,
  timeline: lines,
  audits,
  family,
}: SeenRun): Readonly<Record<string, unknown>> {
  return {
    ...view,
    family,
    timeline: lines.map(({ at, ...rest }) => ({ at: new Date(at).toISOString(), ...rest })),
    audit: audits.map(({ at, verb, actor, reason, details }) => ({
      at: new Date(at).toISOString(),
      ...{ verb, actor, reason, details },
    })),
  };
}

/** Written out for a terminal or a pipe: what it is, its steps, what happened, who did something to it. */
export function seenLines(seen: SeenRun, colours: Paint): readonly string[] {
  const { view, timeline: lines, audits, family } = seen;
  const others = family.filter((run) => run !== view.run);
  return [
    ...runLines(view),
    "",
    "what happened",
    ...lines.map((line) => timelineLine(line, colours)),
    ...(audits.length === 0
      ? []
      : ["", "what operators did", ...audits.map((audit) => `  ${auditLine(audit)}`)]),
    ...(others.length === 0 ? [] : ["", `of the same root: ${others.join(", ")}`]),
  ];
}

/** `saga show`: once. Colours only where a person looks. */
export function showRun(seen: SeenRun, { asGraph }: { readonly asGraph: boolean }, out: Output): void {
  const { record, definition, view } = seen;
  if (asGraph) {
    const mermaid = graph(record, definition);
    out.result(
      "saga.show",
      { run: view.run, status: view.status, mermaid },
      { lines: () => mermaid.split("\n") },
    );
    return;
  }
  const lines = () => seenLines(seen, paint({}, {}));
  out.result("saga.show", seenData(seen), { lines, names: () => [view.run] });
}
