import type { MoveState } from "../../core/shard/map/shard-store.ts";
import { wishesOf } from "../../core/shard/move/wishes.ts";
import type { KeyspaceStatus } from "../../core/shard/operate/move-status.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { layoutTable } from "../text.ts";

/** A move as JSON has it. */
export function moveData({ record, runner, phase }: MoveState): Readonly<Record<string, unknown>> {
  const { startedAt, plan, ...rest } = record;
  const { id, windowMs } = wishesOf(plan);
  return {
    ...rest,
    plan: id,
    reverseWindowMs: windowMs,
    startedAt: new Date(startedAt).toISOString(),
    runner: runner === null ? null : { host: runner.host, pid: runner.pid, lease: runner.lease },
    phase: phase === null ? null : { ...phase, since: new Date(phase.since).toISOString() },
  };
}

/** How a keyspace stands, for people. */
export function statusLines(status: KeyspaceStatus, now: number, resume: string): readonly string[] {
  const { keyspace, mapRevision, shards, moves, flipped, routers } = status;
  const behind = routers.filter(({ revision }) => revision < mapRevision).length;
  const lines = [
    `keyspace ${keyspace}`,
    `shards   ${shards.map(({ shard, buckets }) => `${shard} ${buckets}`).join(", ")}`,
    `routers  ${routers.length}${behind > 0 ? `, ${behind} of them still have an older map` : ""}`,
  ];
  if (moves.length === 0) return [...lines, "moves    none"];
  const lonely = moves.filter(({ runner }) => runner === null).length;
  return [
    ...lines,
    `moves    ${moves.length}${lonely > 0 ? `, ${lonely} in nobody's hands` : ""}`,
    ...layoutTable({
      head: ["BUCKET", "MOVE", "PHASE", "COPIED", "APPLIED", "BACKLOG", "PAUSE", "AGE", "RUNNER"],
      rows: moves.map((move) => row(move, flipped.includes(move.record.bucket), now)),
    }),
    ...(lonely > 0 ? [`next     ${resume}`] : []),
  ];
}

function row({ record, runner, phase }: MoveState, isFlipped: boolean, now: number): readonly string[] {
  const { bucket, src, dst, intent, isReverse, startedAt } = record;
  const kind = intent === "abort" ? " (taken back)" : isReverse ? " (reverse window)" : "";
  const total = phase?.rowsTotal ?? null;
  return [
    String(bucket),
    `${src} → ${dst}${kind}`,
    phase?.phase ?? (isFlipped ? "flipped" : "-"),
    phase === null ? "-" : `${phase.rowsCopied}${total === null ? "" : `/${total}`}`,
    phase === null ? "-" : String(phase.applied),
    phase === null ? "-" : String(phase.backlog),
    phase?.pauseMs == null ? "-" : formatDuration(phase.pauseMs),
    formatDuration(Math.max(0, now - startedAt)),
    runner === null ? "gone" : `${runner.host}:${runner.pid}`,
  ];
}
