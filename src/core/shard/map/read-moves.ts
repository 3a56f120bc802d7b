import type { KeyValue } from "../../store/store.ts";
import { movePhaseSchema } from "./move-phase.ts";
import type { ShardParts } from "./shard-parts.ts";
import type { MoveState } from "./shard-state.ts";
import { fromStored, recordSchema, runnerSchema } from "./stored.ts";

/** The keys of one move, of one revision. */
export interface MoveKeys {
  readonly record: KeyValue | undefined;
  readonly runner: KeyValue | undefined;
  readonly phase: KeyValue | undefined;
}

/** Of one move: none of its keys are there where there is no move. */
export async function readMoveKeys({ store, keys }: ShardParts, bucket: number): Promise<MoveKeys> {
  const { kvs } = await store.list(keys.ofMove(bucket));
  const named = (key: string) => kvs.find((kv) => kv.key === key);
  return {
    record: named(keys.record(bucket)),
    runner: named(keys.runner(bucket)),
    phase: named(keys.phase(bucket)),
  };
}

/** All moves, by bucket, of one revision. */
export async function readMoves({ store, keys }: ShardParts): Promise<readonly MoveState[]> {
  const { kvs } = await store.list(keys.moves);
  const byKey = new Map(kvs.map((kv) => [kv.key, kv]));
  return kvs.flatMap((record) => {
    const bucket = Number.parseInt(record.key.slice(keys.moves.length), 10);
    if (record.key !== keys.record(bucket)) return [];
    const [runner, phase] = [byKey.get(keys.runner(bucket)), byKey.get(keys.phase(bucket))];
    return moveState({ record, runner, phase }) ?? [];
  });
}

/** Null where there is no record. */
export function moveState({ record, runner, phase }: MoveKeys): MoveState | null {
  if (record === undefined) return null;
  return {
    record: fromStored(record, recordSchema),
    runner:
      runner === undefined
        ? null
        : { ...fromStored(runner, runnerSchema), token: runner.modRevision, lease: runner.lease },
    phase: runner === undefined || phase === undefined ? null : fromStored(phase, movePhaseSchema),
  };
}
