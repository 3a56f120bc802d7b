import type { LeaseId, Store } from "../store/store.ts";
import { type Entry, entryInstance } from "./entry.ts";
import type { RegistrarEvent } from "./registrar-events.ts";
import { holderOf } from "./taken.ts";

type Kind = "pending" | "registered" | "unhealthy" | "healthy" | "reregistered";

/** Tells the caller what became of a registrant's entries, each thing once. */
export class Announcer {
  readonly #entries: readonly Entry[];
  readonly #store: Store;
  readonly #onEvent: (event: RegistrarEvent) => void;

  constructor(entries: readonly Entry[], store: Store, onEvent: (event: RegistrarEvent) => void) {
    this.#entries = entries;
    this.#store = store;
    this.#onEvent = onEvent;
  }

  /** Where the entries stand now, as far as that is news; instances to which the same happened share one event. */
  changes(lease: LeaseId): void {
    const groups = Map.groupBy(this.#entries, changeOf);
    for (const [type, group] of groups) {
      if (type === null) continue;
      this.#onEvent({ type, lease, instances: group.map((entry) => entryInstance(entry, lease)) });
    }
  }

  lost(lease: LeaseId, entries: readonly Entry[], reason: "expired" | "revoked" | "deleted"): void {
    const lost = entries.filter((entry) => !entry.lost);
    for (const entry of lost) entry.lost = true;
    if (lost.length === 0) return;
    const instances = lost.map((entry) => entryInstance(entry, lease));
    this.#onEvent({ type: "lost", lease, instances, reason });
  }

  /** Addresses at which somebody else stands. */
  async taken(): Promise<void> {
    const news: Entry[] = [];
    for (const entry of this.#entries) {
      if (entry.takenBy === null) entry.toldTaken = false;
      else if (!entry.toldTaken && !entry.leaving) news.push(entry);
    }
    const kv = news[0]?.takenBy;
    if (!kv) return;
    for (const entry of news) entry.toldTaken = true;
    const holder = await holderOf(this.#store, kv);
    const instances = news.map((entry) => entryInstance(entry, null));
    this.#onEvent({ type: "taken", instances, holder });
  }
}

/** What is to be said of an entry; marks it as said. */
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
  // Said again when the check tells why: somebody waits for it.
  if (before === "nothing" || (before === "pending" && entry.saidDetail !== entry.writtenDetail)) {
    entry.said = "pending";
    entry.saidDetail = entry.writtenDetail;
    return "pending";
  }
  if (before !== "ready") return null;
  entry.said = "unready";
  return "unhealthy";
}
