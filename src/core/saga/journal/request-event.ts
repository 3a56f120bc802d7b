import type { JournalEvent, RunRequest } from "./journal.ts";

/** How the timeline of a run shows that an operator asked for something. */
export function requestEvent({ event, audit }: RunRequest): JournalEvent {
  const message = `${audit.verb} by ${audit.actor}: ${audit.reason}`;
  if (event.type !== "resolved") return { type: "requested", message };
  return { type: "requested", step: event.step, direction: event.direction, message };
}
