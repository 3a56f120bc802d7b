import { z } from "zod";
import type { Plan } from "../../plan/plan.ts";
import { formatByteSize } from "../../util/byte-size.ts";
import { formatDuration } from "../../util/duration.ts";
import type { WantedMove } from "../move/rebalancer.ts";
import type { RebalancePlan } from "./plan-rebalance.ts";

export const REBALANCE_KIND = "shard.rebalance";

const moveSchema = z.object({
  bucket: z.number().int().nonnegative(),
  src: z.string(),
  dst: z.string(),
  rows: z.number().nonnegative(),
  bytes: z.number().nonnegative(),
});

/** What `dcs shard rebalance` is to do, as a plan file has it. */
export const rebalanceActionSchema = z.object({
  keyspace: z.string(),
  by: z.enum(["count", "bytes"]),
  moves: z.array(moveSchema),
  /** As it was predicted when the plan was made. */
  expected: z.object({ durationMs: z.number(), pauseMs: z.number() }),
});

export type RebalanceAction = Readonly<z.infer<typeof rebalanceActionSchema>>;

/** The shares of the shards, before and after, and what it takes, for people. */
export function planLines(planned: RebalancePlan): readonly string[] {
  const { plan, estimate, rows, bytes } = planned;
  const head = ["SHARD", "BUCKETS", "", "ROWS", "", "SIZE", "", "SHARE", ""];
  const lines = plan.before.map((before) => {
    const after = plan.after.find(({ shard }) => shard === before.shard) ?? before;
    const pair = (a: string, b: string) => [a, a === b ? "" : `→ ${b}`];
    return [
      before.shard,
      ...pair(String(before.buckets), String(after.buckets)),
      ...pair(String(before.rows), String(after.rows)),
      ...pair(formatByteSize(before.bytes), formatByteSize(after.bytes)),
      ...pair(percent(before.share), percent(after.share)),
    ];
  });
  const count = plan.moves.length;
  if (count === 0) return [...aligned([head, ...lines]), "balanced: there is nothing to move"];
  const learnt =
    estimate.from === "history" ? "as the last moves went" : "assumed: nothing was moved here yet";
  return [
    ...aligned([head, ...lines]),
    `moves    ${count} ${count === 1 ? "bucket" : "buckets"}, ${rows} rows, about ${formatByteSize(bytes)}`,
    `takes    about ${formatDuration(estimate.durationMs)} at ${estimate.rowsPerS} rows/s a move (${learnt})`,
    `pause    writes to a bucket wait about ${formatDuration(estimate.pauseMs)} at its cut; other buckets do not wait`,
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

/** Columns side by side. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join(" ")
      .trimEnd(),
  );
}

/** The plan to move these buckets, while the map and the shards are as they were. */
export function rebalancePlan(
  action: RebalanceAction,
  seen: Pick<RebalancePlan, "mapRevision" | "revision">,
  steps: readonly string[],
  where: Pick<Plan, "madeAt" | "context" | "backend">,
): Plan {
  const count = action.moves.length;
  return {
    kind: REBALANCE_KIND,
    ...where,
    what: `move ${count} ${count === 1 ? "bucket" : "buckets"} of keyspace ${action.keyspace}`,
    steps,
    action,
    precondition: { map: seen.mapRevision, shards: seen.revision },
  };
}

/** What a plan asks for. */
export function actionOf({ keyspace, by, plan, estimate }: RebalancePlan): RebalanceAction {
  const moves: readonly Required<WantedMove>[] = plan.moves;
  return {
    keyspace,
    by,
    moves: moves.map(({ bucket, src, dst, rows, bytes }) => ({ bucket, src, dst, rows, bytes })),
    expected: { durationMs: estimate.durationMs, pauseMs: estimate.pauseMs },
  };
}
