import { z } from "zod";
import type { Plan } from "../../plan/plan.ts";
import type { BucketOwner } from "../keyspace.ts";
import type { MoveState } from "../map/shard-store.ts";

/** What may be done to moves that are under way: take them back, or go the way back that a reverse window kept open. */
export type TurnVerb = "abort" | "undo";

/** What `dcs shard abort` and `undo` were asked for, as a plan file has it. */
export const turnActionSchema = z.object({
  keyspace: z.string(),
  buckets: z.array(z.number().int().nonnegative()),
  force: z.boolean(),
});

export type TurnAction = Readonly<z.infer<typeof turnActionSchema>>;

/** Whether the map says already that the bucket is where its move goes: from here on it can only be finished. */
export function isFlipped({ record }: MoveState, owners: readonly BucketOwner[]): boolean {
  return owners[record.bucket]?.shard === record.dst;
}

/** The plan to turn these moves round; it stands while the same moves are under way, in the same direction. */
export function turnPlan(
  verb: TurnVerb,
  action: TurnAction,
  moves: readonly MoveState[],
  owners: readonly BucketOwner[],
  where: Pick<Plan, "madeAt" | "context" | "backend">,
): Plan {
  const count = action.buckets.length;
  const what = count === 1 ? `the move of bucket ${action.buckets[0]}` : `${count} moves`;
  return {
    kind: `shard.${verb}`,
    ...where,
    what: `${verb} ${what} of keyspace ${action.keyspace}`,
    steps: moves.map((move) => stepOf(verb, move, { flipped: isFlipped(move, owners), force: action.force })),
    action,
    precondition: {
      moves: moves.map(({ record: { bucket, src, dst, epoch, isReverse } }) => ({
        bucket,
        src,
        dst,
        epoch,
        isReverse,
      })),
    },
  };
}

function stepOf(
  verb: TurnVerb,
  { record, runner }: MoveState,
  { flipped, force }: { readonly flipped: boolean; readonly force: boolean },
): string {
  const { bucket, src, dst, isReverse } = record;
  const who = runner === null ? null : `${runner.host} pid ${runner.pid}`;
  const held =
    who === null
      ? ""
      : force
        ? ` (taken from ${who})`
        : ` (in the hands of ${who}: stop that first, or add --force)`;
  if (verb === "undo") return `bucket  ${bucket}: back from ${src} to ${dst}${held}`;
  if (flipped) {
    return `bucket  ${bucket}: is on ${dst} already, and cannot be taken back: \`dcs shard resume\` finishes its move${held}`;
  }
  return isReverse
    ? `bucket  ${bucket}: stays on ${src}; the way back to ${dst} is closed${held}`
    : `bucket  ${bucket}: stays on ${src}; its copy on ${dst} is deleted${held}`;
}
