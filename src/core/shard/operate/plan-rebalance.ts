import type { Clock } from "../../util/clock.ts";
import type { KeyspaceState, ShardStore } from "../map/shard-store.ts";
import { type MovePlan, planMoves } from "../plan/plan-moves.ts";
import { bucketSizes } from "./bucket-sizes.ts";
import { type Estimate, estimateMoves } from "./estimate.ts";
import type { ShardServers } from "./shard-servers.ts";

/** What a rebalance is to even out, and how. */
export interface PlanRequest {
  readonly by: "count" | "bytes";
  readonly maxMoves: number | null;
  /** Moves at once. */
  readonly concurrency: number;
  /** Of all moves together, rows a second; null: no limit. */
  readonly maxRate: number | null;
}

/** Moves that even a keyspace out, and what they will cost. */
export interface RebalancePlan {
  readonly keyspace: string;
  readonly by: PlanRequest["by"];
  /** Revision of the map that it was made on. */
  readonly mapRevision: number;
  /** Revision of the keyspace and its shards. */
  readonly revision: number;
  readonly plan: MovePlan;
  readonly rows: number;
  readonly bytes: number;
  readonly estimate: Estimate;
}

export interface PlanDeps {
  readonly shards: ShardStore;
  readonly servers: ShardServers;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** So many past moves tell how the next ones go. */
const PAST = 200;

/**
 * What would be moved, with rows and bytes counted on the servers just now. Changes nothing. SHARD_KEYSPACE_UNKNOWN;
 * SHARD_UNREACHABLE where a server cannot be asked.
 */
export async function planRebalance(request: PlanRequest, deps: PlanDeps): Promise<RebalancePlan> {
  const { shards, servers, signal } = deps;
  const state = await shards.keyspace();
  const [map, past] = await Promise.all([shards.map(), shards.history(PAST)]);
  const all = state.shards.map((shard) => servers.get(shard));
  const sizes = await bucketSizes(state.keyspace, map.owners, all, servers.stepMs, signal);
  const plan = planMoves({
    keyspace: state.keyspace.name,
    shards: state.shards,
    owners: map.owners,
    by: request.by,
    sizes,
    ...(request.maxMoves === null ? {} : { maxMoves: request.maxMoves }),
  });
  return finish(state, map.revision, plan, request, past);
}

function finish(
  state: KeyspaceState,
  mapRevision: number,
  plan: MovePlan,
  { by, concurrency, maxRate }: PlanRequest,
  past: Parameters<typeof estimateMoves>[1],
): RebalancePlan {
  return {
    keyspace: state.keyspace.name,
    by,
    mapRevision,
    revision: state.revision,
    plan,
    rows: plan.moves.reduce((sum, { rows }) => sum + rows, 0),
    bytes: plan.moves.reduce((sum, { bytes }) => sum + bytes, 0),
    estimate: estimateMoves(plan.moves, past, { concurrency, maxRate }),
  };
}
