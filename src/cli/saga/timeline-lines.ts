import type { AuditRecord } from "../../core/saga/journal/journal.ts";
import type { TimelineLine } from "../../core/saga/operate/timeline.ts";
import { formatDuration } from "../../core/util/duration.ts";
import type { Paint } from "../colour.ts";
import { printable } from "../text.ts";

const TONES: Readonly<Record<string, "red" | "green" | "yellow" | "magenta" | "cyan" | "dim">> = {
  done: "green",
  "probe-done": "green",
  completed: "green",
  failed: "red",
  refused: "red",
  unknown: "yellow",
  "probe-unknown": "yellow",
  "not-sent": "yellow",
  parked: "yellow",
  "given-up": "yellow",
  claimed: "yellow",
  "taken-over": "yellow",
  compensating: "magenta",
  compensated: "magenta",
  requested: "cyan",
  intent: "dim",
  probe: "dim",
};

/** One thing that happened, with the time since the run began. */
export function timelineLine({ sinceMs, text, type }: TimelineLine, colours: Paint): string {
  const since = `+${formatDuration(sinceMs)}`.padStart(8);
  const tone = TONES[type];
  const said = printable(text);
  return `${since}  ${tone === undefined ? said : colours[tone](said)}`;
}

/** Who did what to a run, and why. */
export function auditLine({ at, verb, actor, reason, details }: AuditRecord): string {
  const evidence = typeof details["evidence"] === "string" ? ` (evidence: ${details["evidence"]})` : "";
  return printable(`${new Date(at).toISOString()}  ${verb} by ${actor}: ${reason}${evidence}`);
}
