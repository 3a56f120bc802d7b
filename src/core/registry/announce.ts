import type { LeaseId } from "../store/store.ts";
import { type Entry, entryInstance } from "./entry.ts";
import type { RegistrarEvent } from "./registrar-events.ts";

type Kind = "pending" | "registered" | "unhealthy" | "healthy" | "reregistered";

/** What became of the entries since the last time, grouped; marks it as said. */
export function announcements(entries: readonly Entry[], lease: LeaseId): readonly RegistrarEvent[] {
  const groups = new Map<Kind, Entry[]>();
  for (const entry of entries) {
    const kind = changeOf(entry);
    if (kind === null) continue;
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [entry]);
    else group.push(entry);
  }
  return [...groups].map(([type, group]) => ({
    type,
    lease,
    instances: group.map((entry) => entryInstance(entry, lease)),
  }));
}

function changeOf(entry: Entry): Kind | null {
  if (entry.leaving || entry.at === "none" || entry.at !== entry.want) return null;
  const before = entry.said;
  if (entry.lost) {
    entry.lost = false;
    if (entry.at === "ready") entry.said = "ready";
    else if (before === "ready") entry.said = "unready";
    return "reregistered";
  }
  if (entry.at === "ready") {
    entry.said = "ready";
    if (before === "ready") return null;
    return before === "unready" ? "healthy" : "registered";
  }
  if (before === "nothing") {
    entry.said = "pending";
    return "pending";
  }
  if (before !== "ready") return null;
  entry.said = "unready";
  return "unhealthy";
}
