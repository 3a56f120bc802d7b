import type { Definition, Step } from "../definition/definition.ts";
import type { RunRecord } from "../journal/journal.ts";
import { callOf } from "./run-view.ts";

/** How a step stands, in one word, both its calls taken together. */
export type StepStanding =
  | "pending"
  | "under-way"
  | "done"
  | "failed"
  | "unknown"
  | "undoing"
  | "undone"
  | "parked"
  | "skipped";

const COLOURS: Readonly<Record<StepStanding, string>> = {
  pending: "fill:#f6f8fa,stroke:#8c959f,color:#57606a",
  "under-way": "fill:#ddf4ff,stroke:#0969da,color:#0a3069",
  done: "fill:#dafbe1,stroke:#1a7f37,color:#0f5323",
  failed: "fill:#ffebe9,stroke:#cf222e,color:#82071e",
  unknown: "fill:#fff8c5,stroke:#9a6700,color:#633c01",
  undoing: "fill:#fbefff,stroke:#8250df,color:#512a97",
  undone: "fill:#eaeef2,stroke:#57606a,color:#24292f",
  parked: "fill:#fff1e5,stroke:#bc4c00,color:#762c00",
  skipped: "fill:#ffffff,stroke:#d0d7de,color:#8c959f",
};

export function standingOf(record: Pick<RunRecord, "state">, step: string): StepStanding {
  const { status } = callOf(record, step, "do");
  const undo = callOf(record, step, "undo");
  if (undo.status === "done") return "undone";
  if (status === "parked" || undo.status === "parked") return "parked";
  if (undo.status === "unknown" || undo.status === "intent") return "undoing";
  if (undo.status === "pending" && undo.attempts > 0) return "undoing";
  return status === "intent" ? "under-way" : status;
}

/** The steps of a run as a Mermaid flowchart, each with how it stands. The pivot is a hexagon. */
export function graph(record: Pick<RunRecord, "state">, { steps }: Definition): string {
  const ids = new Map(steps.map(({ name }, index) => [name, `s${index}`]));
  const standings = new Map(steps.map(({ name }) => [name, standingOf(record, name)]));
  const used = [...new Set(standings.values())];
  return [
    "flowchart LR",
    ...steps.map((step) => `  ${ids.get(step.name)}${node(step, standings.get(step.name) ?? "pending")}`),
    ...steps.flatMap(({ name, needs }) => needs.map((need) => `  ${ids.get(need)} --> ${ids.get(name)}`)),
    ...used.map((standing) => `  classDef ${classOf(standing)} ${COLOURS[standing]}`),
    ...steps.map(({ name }) => `  class ${ids.get(name)} ${classOf(standings.get(name) ?? "pending")}`),
  ].join("\n");
}

function node({ name, pivot }: Step, standing: StepStanding): string {
  const label = `"${name}<br/>${standing}"`;
  return pivot ? `{{${label}}}` : `[${label}]`;
}

/** A name that no word of Mermaid's language can be mistaken for. */
function classOf(standing: StepStanding): string {
  return `is-${standing}`;
}
