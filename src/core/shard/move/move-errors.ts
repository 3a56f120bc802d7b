import { DcsError } from "../../errors.ts";
import type { Move } from "./move.ts";
import type { Side } from "./side.ts";

/** The signal was seen at a safe point: nothing is wrong, and the move may be gone on with. */
export class Stopped extends Error {}

/** The fence's lock was not had, or not to its end. Applications go on; the step is made over, with the same token. */
export class FenceMissed extends Error {}

/** A server is another one than when this attempt began: a failover. */
export class ServerChanged extends Error {}

/** A row that the protocol does not lead to: nothing is changed, and a person has to look at it. */
export function refuseRow(move: Move, side: Side, why: string): DcsError {
  const { bucket } = move.record;
  const { state, epoch } = side.seen;
  const { name } = side.shard;
  const shown = `${state}@${epoch}`;
  return new DcsError("SHARD_STATE", `bucket ${bucket} is ${shown} on shard ${name}, where ${why}`, {
    details: { bucket, shard: name, state, epoch, mapEpoch: move.held.mapEpoch },
  });
}
