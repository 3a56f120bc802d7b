import { DcsError } from "../../core/errors.ts";
import type { Plan } from "../../core/plan/plan.ts";
import { refuseOtherPlace } from "../../core/plan/plan.ts";
import { readAction, readPlanFile } from "../../core/plan/plan-file.ts";
import type { MoveState } from "../../core/shard/map/shard-store.ts";
import { type TurnVerb, turnActionSchema, turnPlan } from "../../core/shard/operate/turn-plan.ts";
import { type PlanRequest, settlePlan } from "../plan.ts";
import { openShards } from "./keyspace-flag.ts";
import type { MoveFlags } from "./move-flags.ts";
import { reportMoves } from "./report-moves.ts";
import { runMoves } from "./run-moves.ts";
import type { ShardPlaces } from "./shard-places.ts";

/** What was typed. */
export interface TurnFlags extends MoveFlags, NonNullable<PlanRequest["flags"]> {
  readonly keyspace?: string | undefined;
  readonly force?: boolean | undefined;
  readonly plan?: string | undefined;
}

/** Reads the buckets that were named. USAGE for what is none. */
export function parseBuckets(words: readonly string[]): readonly number[] {
  return words.map((word) => {
    const bucket = Number(word);
    if (/^\d+$/.test(word) && bucket < 65_536) return bucket;
    throw new DcsError("USAGE", `BUCKET: "${word}" is not the number of a bucket`, {
      hint: "name buckets as `dcs shard status` shows them: 17 42",
      details: { argument: "BUCKET", value: word },
    });
  });
}

/** `shard resume`: goes on with moves whose runner is gone. */
export async function resumeMoves(
  words: readonly string[],
  flags: TurnFlags,
  places: ShardPlaces,
): Promise<void> {
  const { out, store } = places;
  const buckets = parseBuckets(words);
  const { shards, keyspace } = await openShards(store, flags.keyspace);
  // Says so when there is no such keyspace.
  await shards.keyspace();
  const there = chosen(await shards.moves(), buckets, keyspace, "resume");
  if (there.length === 0)
    return tellNothing("shard.resume", keyspace, places, "no move is under way that could be taken up");
  const lonely = there.filter(({ runner }) => runner === null || flags.force === true);
  if (buckets.length === 0 && lonely.length < there.length) {
    const { runner } = there.find((move) => !lonely.includes(move)) as MoveState;
    const who = `${runner?.host} pid ${runner?.pid}`;
    const held = there.length - lonely.length;
    const message = `${held} ${held === 1 ? "move is" : "moves are"} in the hands of a process that lives (${who})`;
    if (lonely.length === 0) {
      throw new DcsError("SHARD_BUSY", message, {
        hint: "if it died just now, try again when its lease has ended, in 10s at most; if it hangs, add --force",
        details: { keyspace, buckets: there.map(({ record }) => record.bucket) },
      });
    }
    out.note(`${message}, and left to it`);
  }
  const choice = { ...(buckets.length > 0 ? { buckets } : {}), force: flags.force === true };
  const result = await runMoves(
    {
      ...{ shards, flags, wanted: lonely.map(({ record }) => record), expectedMs: null },
      title: `keyspace ${keyspace}: going on with ${lonely.length} ${lonely.length === 1 ? "move" : "moves"}`,
      work: (rebalancer) => rebalancer.resume(choice),
    },
    places,
  );
  reportMoves("shard.resume", result, places, { keyspace }, flags);
}

/** `shard abort` and `shard undo`: shows the plan or is told it, and does it to the moves that it names. */
export async function turnMoves(
  verb: TurnVerb,
  words: readonly string[],
  flags: TurnFlags,
  places: ShardPlaces,
): Promise<void> {
  const { settings, out, signal, store } = places;
  const kind = `shard.${verb}`;
  const saved = flags.plan === undefined ? null : await readPlanFile(flags.plan, kind);
  const told = saved === null ? null : readAction(flags.plan ?? "", saved, turnActionSchema);
  const where: Pick<Plan, "madeAt" | "context" | "backend"> = {
    madeAt: new Date().toISOString(),
    context: settings.context?.name ?? null,
    backend: store.url,
  };
  if (saved !== null) refuseOtherPlace(saved, where);
  const buckets = told?.buckets ?? parseBuckets(words);
  const { shards, keyspace } = await openShards(store, told?.keyspace ?? flags.keyspace);
  await shards.keyspace();
  const under = await shards.moves();
  const all = verb === "undo" ? under.filter(isOpenWindow) : under;
  const there =
    told === null
      ? chosen(all, buckets, keyspace, verb)
      : all.filter(({ record }) => buckets.includes(record.bucket));
  if (there.length === 0 && told === null) return tellNothing(kind, keyspace, places, NOTHING[verb]);
  const action = {
    keyspace,
    buckets: there.map(({ record }) => record.bucket),
    force: told?.force ?? flags.force === true,
  };
  const { owners } = await shards.map();
  const present = turnPlan(verb, told ?? action, there, owners, where);
  if (!(await settlePlan({ out, settings, flags, verb: `dcs shard ${verb}`, present, saved, signal })))
    return;
  const choice = { buckets: action.buckets, force: action.force };
  const result = await runMoves(
    {
      ...{ shards, flags, wanted: there.map(({ record }) => record), expectedMs: null },
      title: present.what,
      work: (rebalancer) => (verb === "abort" ? rebalancer.abort(choice) : rebalancer.undo(choice)),
    },
    places,
  );
  reportMoves(kind, result, places, { keyspace }, flags);
}

/** The moves that were named, or all. SHARD_MOVE_NOT_FOUND names those that are not there. */
function chosen(
  all: readonly MoveState[],
  buckets: readonly number[],
  keyspace: string,
  verb: TurnVerb | "resume",
): readonly MoveState[] {
  const missing = buckets.filter((bucket) => !all.some(({ record }) => record.bucket === bucket));
  if (missing.length > 0) {
    throw new DcsError(
      "SHARD_MOVE_NOT_FOUND",
      verb === "undo"
        ? `no reverse window of bucket ${missing.join(", ")} of ${keyspace} is open`
        : `no move of bucket ${missing.join(", ")} of ${keyspace} is under way`,
      {
        details: { keyspace, buckets: missing },
      },
    );
  }
  return buckets.length === 0 ? all : all.filter(({ record }) => buckets.includes(record.bucket));
}

const NOTHING: Readonly<Record<TurnVerb, string>> = {
  abort: "no move is under way that could be taken back",
  undo: "no reverse window is open: there is nothing to undo",
};

/** A move that went, and keeps the way back open. */
function isOpenWindow({ record }: MoveState): boolean {
  return record.isReverse && record.intent === "move";
}

function tellNothing(name: string, keyspace: string, { out }: ShardPlaces, line: string): void {
  if (out.mode === "ndjson") out.event("ended", { keyspace, results: [], left: [] }, line);
  else out.result(name, { keyspace, results: [], left: [] }, { lines: () => [line], names: () => [] });
}
