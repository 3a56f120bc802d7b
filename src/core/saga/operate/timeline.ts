import type { EventRecord, JournalEvent } from "../journal/journal.ts";

/** One thing that happened to a run. */
export interface TimelineLine {
  readonly seq: number;
  /** Epoch ms of the journal. */
  readonly at: number;
  /** Since the run was made, ms. */
  readonly sinceMs: number;
  readonly type: string;
  readonly step: string | null;
  /** For people: without the time. */
  readonly text: string;
}

/** What happened to a run, in order; also where another worker took it over. `createdAt` is the run's. */
export function timeline(records: readonly EventRecord[], createdAt: number): readonly TimelineLine[] {
  let epoch: number | null = null;
  return records.flatMap((record) => {
    const { seq, at } = record;
    const line = (type: string, step: string | null, text: string): TimelineLine => ({
      seq,
      at,
      sinceMs: Math.max(0, at - createdAt),
      type,
      step,
      text,
    });
    const isOther = epoch !== null && record.epoch > epoch;
    epoch = record.epoch;
    return [
      ...(isOther ? [line("claimed", null, `claimed  by the next worker (epoch ${record.epoch})`)] : []),
      ...record.events.map((event) => line(event.type, event.step ?? null, textOf(event))),
    ];
  });
}

function textOf({ type, step, direction, attempt, message }: JournalEvent): string {
  const what = step === undefined ? "" : `  ${direction === "undo" ? `undo of ${step}` : step}`;
  const which = attempt === undefined ? "" : ` #${attempt}`;
  return `${type}${what}${which}${message === undefined || message === "" ? "" : `: ${message}`}`;
}
