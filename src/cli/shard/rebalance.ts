import { userInfo } from "node:os";
import { DcsError } from "../../core/errors.ts";
import { planStale, refuseOtherPlace } from "../../core/plan/plan.ts";
import { readAction, readPlanFile } from "../../core/plan/plan-file.ts";
import { planRebalance, type RebalancePlan } from "../../core/shard/operate/plan-rebalance.ts";
import {
  actionOf,
  planLines,
  REBALANCE_KIND,
  type RebalanceAction,
  rebalanceActionSchema,
  rebalancePlan,
} from "../../core/shard/operate/rebalance-plan.ts";
import { systemClock } from "../../core/util/clock.ts";
import { randomHex } from "../../core/util/ids.ts";
import { type PlanRequest, settlePlan } from "../plan.ts";
import { openShards, resumeCommand } from "./keyspace-flag.ts";
import type { MoveFlags } from "./move-flags.ts";
import { reportMoves } from "./report-moves.ts";
import { CONCURRENCY, runMoves } from "./run-moves.ts";
import { openServers, type ShardPlaces } from "./shard-places.ts";

/** What was typed. */
export interface RebalanceFlags extends MoveFlags, NonNullable<PlanRequest["flags"]> {
  readonly keyspace?: string | undefined;
  readonly by?: "count" | "bytes" | undefined;
  readonly "max-moves"?: number | undefined;
  readonly plan?: string | undefined;
}

/** Looks at the keyspace, and says what would even it out. */
export async function lookAtPlan(flags: RebalanceFlags, places: ShardPlaces): Promise<RebalancePlan> {
  const { store, signal } = places;
  const { shards } = await openShards(store, flags.keyspace);
  await using servers = openServers(places);
  const request = {
    by: flags.by ?? "count",
    maxMoves: flags["max-moves"] ?? null,
    concurrency: flags.concurrency ?? CONCURRENCY,
    maxRate: flags["max-rate"] ?? null,
  };
  return await planRebalance(request, { shards, servers, clock: systemClock, signal });
}

/** `shard rebalance`: shows the plan or is told it, moves what it says, and says what came of it. */
export async function runRebalance(flags: RebalanceFlags, places: ShardPlaces): Promise<void> {
  const { settings, out, signal, store } = places;
  const saved = flags.plan === undefined ? null : await readPlanFile(flags.plan, REBALANCE_KIND);
  const told = saved === null ? null : readAction(flags.plan ?? "", saved, rebalanceActionSchema);
  const where = {
    madeAt: new Date().toISOString(),
    context: settings.context?.name ?? null,
    backend: store.url,
  };
  if (saved !== null) refuseOtherPlace(saved, where);
  if (told !== null && flags.keyspace !== undefined && flags.keyspace !== told.keyspace) {
    throw new DcsError("USAGE", `the plan is for keyspace ${told.keyspace}, not ${flags.keyspace}`, {
      hint: "leave --keyspace out: the plan names it",
      details: { plan: told.keyspace, keyspace: flags.keyspace },
    });
  }
  const { shards } = await openShards(store, told?.keyspace ?? flags.keyspace);
  const planned = told === null ? await lookAtPlan(flags, places) : null;
  const action: RebalanceAction = told ?? actionOf(planned as RebalancePlan);
  const [state, map] = await Promise.all([shards.keyspace(), shards.map()]);
  const seen = planned ?? { mapRevision: map.revision, revision: state.revision };
  const steps = planned === null ? (saved?.steps ?? []) : planLines(planned);
  const present = rebalancePlan(action, seen, steps, where);
  if (action.moves.length === 0 && flags["dry-run"] !== true) {
    if (saved !== null && saved.precondition["map"] !== map.revision) {
      throw planStale(saved, ["map"], present.precondition);
    }
    const lonely = (await shards.moves()).filter(({ runner }) => runner === null).length;
    if (lonely > 0) {
      const resume = resumeCommand(settings, flags.keyspace);
      out.warn(
        "SHARD_PENDING",
        `${lonely} ${lonely === 1 ? "move of an earlier run is" : "moves of an earlier run are"} in nobody's hands: ${resume}`,
      );
    }
    return tellBalanced(action, planned, places);
  }
  const verb = "dcs shard rebalance";
  if (!(await settlePlan({ out, settings, flags, verb, present, saved, signal }))) return;
  const id = `${userName()}-${randomHex(4)}`;
  const result = await runMoves(
    {
      ...{ shards, flags, wanted: action.moves, expectedMs: action.expected.durationMs },
      title: `keyspace ${action.keyspace}: ${action.moves.length} ${action.moves.length === 1 ? "bucket" : "buckets"} (${id})`,
      work: (rebalancer) => rebalancer.run(action.moves, id),
    },
    places,
  );
  reportMoves("shard.rebalance", result, places, { keyspace: action.keyspace, plan: id }, flags);
}

function tellBalanced(
  { keyspace, by }: RebalanceAction,
  planned: RebalancePlan | null,
  { out }: ShardPlaces,
): void {
  const data = { keyspace, by, balanced: true, shards: planned?.plan.after ?? [] };
  if (out.mode === "ndjson") out.event("balanced", data, "balanced");
  else out.result("shard.rebalance", data, { lines: () => ["balanced"], names: () => [] });
}

/** Of the records of the moves; whoever ran them is in the history. */
function userName(): string {
  try {
    return userInfo().username.replace(/[^A-Za-z0-9._-]/g, "_");
  } catch {
    return `uid${process.getuid?.() ?? ""}`;
  }
}
