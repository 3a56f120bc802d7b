import { DcsError } from "../../core/errors.ts";
import { refuseOtherPlace } from "../../core/plan/plan.ts";
import { readAction, readPlanFile } from "../../core/plan/plan-file.ts";
import type { Shard } from "../../core/shard/keyspace.ts";
import { ShardStore } from "../../core/shard/map/shard-store.ts";
import { ShardSession } from "../../core/shard/schema/shard-session.ts";
import { findUninstallTarget, uninstallKeyspace } from "../../core/shard/schema/uninstall-keyspace.ts";
import {
  UNINSTALL_KIND,
  type UninstallWish,
  uninstallPlan,
  uninstallWishSchema,
} from "../../core/shard/schema/uninstall-plan.ts";
import { type PlanRequest, settlePlan } from "../plan.ts";
import { sessionDeps } from "./init.ts";
import { openShards } from "./keyspace-flag.ts";
import type { ShardPlaces } from "./shard-places.ts";
import { readShard } from "./shard-words.ts";

/** What was typed. */
export interface UninstallInput {
  readonly keyspace: string | undefined;
  readonly shards: readonly string[];
  readonly plan: string | undefined;
  readonly flags: PlanRequest["flags"];
}

/** `shard uninstall`: shows the plan or is told it, takes the keyspace away, says what came of it. */
export async function runUninstall(input: UninstallInput, places: ShardPlaces): Promise<void> {
  const { out, settings, signal, store } = places;
  const saved = input.plan === undefined ? null : await readPlanFile(input.plan, UNINSTALL_KIND);
  const given = input.shards.map((word) => readShard(word, "--shard"));
  const wish =
    saved === null
      ? await wishOf(input, given, places)
      : readAction(input.plan ?? "", saved, uninstallWishSchema);
  if (saved !== null) refuseOtherWish(wish, input, given);
  const { keyspace } = wish;
  const where = {
    madeAt: new Date().toISOString(),
    context: settings.context?.name ?? null,
    backend: store.url,
  };
  if (saved !== null) refuseOtherPlace(saved, where);
  const deps = {
    store: new ShardStore(store, keyspace),
    open: (shard: Pick<Shard, "name" | "url">) => ShardSession.open(shard, sessionDeps(places)),
    onStep: (text: string) => out.note(text),
  };
  const action = { keyspace, shards: given };
  using stack = new DisposableStack();
  const target = await findUninstallTarget(action, deps, stack);
  const present = uninstallPlan(wish, target, where);
  const besides = wish.shards.map((shard) => ` --shard ${shard}=URL`).join("");
  const request = {
    out,
    settings,
    flags: input.flags,
    verb: "dcs shard uninstall",
    besides,
    present,
    saved,
    signal,
  };
  if (!(await settlePlan(request))) return;
  const shards = await uninstallKeyspace(action, target, deps);
  out.result(
    "shard.uninstall",
    { keyspace, shards },
    {
      lines: () => [
        `taken    keyspace ${keyspace} away`,
        ...shards.map(
          ({ shard, statements }) => `shard    ${shard}: ${statements.length} statements; the rows stayed`,
        ),
      ],
      names: () => [keyspace],
    },
  );
}

async function wishOf(
  { keyspace }: UninstallInput,
  given: readonly Shard[],
  { store }: ShardPlaces,
): Promise<UninstallWish> {
  const shards = given.map(({ name }) => name);
  if (shards.length === 0) return { keyspace: (await openShards(store, keyspace)).keyspace, shards };
  if (keyspace !== undefined) return { keyspace, shards };
  throw new DcsError(
    "USAGE",
    "--shard names a server that the store does not know of: --keyspace is needed too",
    {
      hint: "dcs shard uninstall --keyspace NAME --shard NAME=URL",
      details: { missing: "--keyspace" },
    },
  );
}

function refuseOtherWish(wish: UninstallWish, input: UninstallInput, given: readonly Shard[]): void {
  const names = given.map(({ name }) => name);
  const isSame = names.toSorted().join() === wish.shards.toSorted().join();
  if (isSame && (input.keyspace ?? wish.keyspace) === wish.keyspace) return;
  throw new DcsError(
    "USAGE",
    `the plan is for keyspace ${wish.keyspace}${wish.shards.length === 0 ? "" : ` on ${wish.shards.join(", ")}`}`,
    {
      hint:
        wish.shards.length === 0
          ? "leave --keyspace and --shard out"
          : "give the same --shard with the plan: it keeps no URL",
      details: { plan: wish, keyspace: input.keyspace ?? null, shards: names },
    },
  );
}
