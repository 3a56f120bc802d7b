import type { MoveDeps } from "./move-deps.ts";
import type { MoveResult } from "./move-event.ts";
import type { HeldMove } from "./move-record.ts";

/**
 * Brings one move to its end: the whole of docs/shards-protocol.md, from a claim or a takeover. After a failure it forgets
 * everything and takes the move over anew. Never rejects for what a server or the store does: the result says it.
 */
export async function runMove(_held: HeldMove, _deps: MoveDeps): Promise<MoveResult> {
  throw new Error("not yet");
}
