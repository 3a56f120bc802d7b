import type { RunRecord } from "../../core/saga/journal/journal.ts";
import { currentStep } from "../../core/saga/operate/current-step.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { shortened } from "../../core/util/shortened.ts";
import type { Table } from "../text.ts";

const MAX_ERROR = 60;

/** A run as `saga ls` tells it. */
export interface RunRow {
  readonly run: string;
  readonly saga: string;
  readonly status: string;
  readonly businessKey: string | null;
  readonly parent: string | null;
  readonly ageMs: number;
  readonly step: string | null;
  readonly error: string | null;
  readonly owner: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** `now` is the journal's time, epoch ms. */
export function runRow(record: RunRecord, now: number): RunRow {
  const { state, saga, businessKey, owner, createdAt, updatedAt } = record;
  const current = currentStep(state);
  return {
    run: state.runId,
    saga,
    status: state.status,
    businessKey,
    parent: state.parentRun,
    ageMs: Math.max(0, now - createdAt),
    step: current?.step ?? state.cause?.step ?? null,
    // Of what stops it now; why it turned around may be another step's.
    error: current?.call.error?.message ?? state.cause?.message ?? null,
    owner,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}

/** Runs as a table: status, name, age, step, error. */
export function runTable(
  rows: readonly RunRow[],
  { wide, empty }: { readonly wide: boolean; readonly empty: string },
): Table {
  const head = ["RUN", "STATUS", "SAGA", "AGE", "STEP", "ERROR"];
  return {
    head: wide ? [...head.slice(0, 5), "KEY", "OWNER", "REPLAYS", "ERROR"] : head,
    rows: rows.map(({ run, status, saga, ageMs, step, error, businessKey, owner, parent }) => {
      const cells = [run, status, saga, formatDuration(ageMs), step ?? "-"];
      const more = wide ? [businessKey ?? "-", owner ?? "-", parent ?? "-"] : [];
      const told = (error ?? "").replace(/\s+/g, " ");
      return [...cells, ...more, wide ? told : shortened(told, MAX_ERROR)];
    }),
    empty,
  };
}
