import { writePlanFile } from "../../core/plan/plan-file.ts";
import { actionOf, planLines, rebalancePlan } from "../../core/shard/operate/rebalance-plan.ts";
import { shellQuote } from "../output.ts";
import { sameBackend } from "../where.ts";
import { lookAtPlan, type RebalanceFlags } from "./rebalance.ts";
import type { ShardPlaces } from "./shard-places.ts";

/** `shard plan`: what a rebalance would do; `--out` writes it down for one. */
export async function showPlan(
  flags: RebalanceFlags & { readonly out?: string | undefined },
  places: ShardPlaces,
): Promise<void> {
  const { out, settings, store } = places;
  const planned = await lookAtPlan(flags, places);
  const { plan, ...rest } = planned;
  const lines = planLines(planned);
  const { out: path } = flags;
  if (path !== undefined) {
    const where = {
      madeAt: new Date().toISOString(),
      context: settings.context?.name ?? null,
      backend: store.url,
    };
    await writePlanFile(path, rebalancePlan(actionOf(planned), planned, lines, where));
  }
  const file = path === undefined ? typedAgain(flags) : ` --plan ${shellQuote(path)}`;
  const next = `next     dcs shard rebalance${file}${sameBackend(settings, { confirm: true })}`;
  out.result(
    "shard.plan",
    { ...rest, ...plan },
    {
      lines: () => (plan.moves.length === 0 ? lines : [...lines, next]),
      names: () => plan.moves.map(({ bucket }) => String(bucket)),
    },
  );
}

/** What decides the moves, as it was typed. */
function typedAgain({ keyspace, by, "max-moves": maxMoves }: RebalanceFlags): string {
  return [
    ...(keyspace === undefined ? [] : [` --keyspace ${keyspace}`]),
    ...(by === undefined ? [] : [` --by ${by}`]),
    ...(maxMoves === undefined ? [] : [` --max-moves ${maxMoves}`]),
  ].join("");
}
