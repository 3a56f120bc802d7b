import type { HistoryEntry } from "../../core/shard/map/history-entry.ts";
import { wishesOf } from "../../core/shard/move/wishes.ts";
import { formatByteSize } from "../../core/util/byte-size.ts";
import { formatDuration } from "../../core/util/duration.ts";
import type { Table } from "../text.ts";

/** Moves that ended, for people. */
export function historyTable(moves: readonly HistoryEntry[], isWide: boolean): Table {
  const head = ["AT", "BUCKET", "MOVE", "OUTCOME", "ROWS", "SIZE", "TOOK", "PAUSE", "PLAN", "BY"];
  const ms = (value: number | null) => (value === null ? "-" : formatDuration(value));
  return {
    head: isWide ? [...head, "PREDICTED", "CHECKSUMS", "ERROR"] : head,
    rows: moves.map((move) => {
      const { at, bucket, src, dst, outcome, rows, bytes, durationMs, pauseMs, plan, by } = move;
      const row = [
        new Date(at).toISOString().replace(/\.\d+Z$/, "Z"),
        String(bucket),
        `${src} → ${dst}`,
        outcome,
        String(rows),
        formatByteSize(bytes),
        formatDuration(durationMs),
        ms(pauseMs),
        wishesOf(plan).id,
        by,
      ];
      const sums = Object.entries(move.checksums).map(([table, sum]) => `${table} ${sum}`);
      return isWide ? [...row, ms(move.predictedPauseMs), sums.join(", ") || "-", move.error ?? "-"] : row;
    }),
    empty: "nothing was moved yet: dcs shard plan",
  };
}
