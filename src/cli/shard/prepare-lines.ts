import type { PreparedShard } from "../../core/shard/schema/init-keyspace.ts";
import { type ShardFinding, sayShardFinding } from "../../core/shard/schema/server-findings.ts";
import type { Output } from "../output.ts";

/** Tells what was found, before it may be refused. */
export function tellFindings(findings: readonly ShardFinding[], out: Output): void {
  for (const finding of findings) {
    if (finding.severity === "warning") out.warn("SHARD_SCHEMA", sayShardFinding(finding));
    else out.note(`refused: ${sayShardFinding(finding)}`);
  }
}

/** What would be run, as a script for people; each server's part begins with a comment. */
export function scriptLines(shards: readonly PreparedShard[]): readonly string[] {
  const parts = shards.flatMap(({ shard, shown, statements }) => [
    `-- shard ${shard.name}: ${shown}`,
    "DELIMITER ;;",
    ...statements.flatMap((statement) => `${statement};;`.split("\n")),
    "DELIMITER ;",
  ]);
  return ["-- what would be run; the store, which dcs writes last, is not in it", ...parts];
}

/** One shard in a line. */
export function preparedLine({ shard, shown, buckets, made }: PreparedShard): string {
  const tables = made.length === 0 ? "" : `; made tables ${made.join(", ")}`;
  return `shard    ${shard.name}: ${buckets} buckets, ${shown}${tables}`;
}

/** The same as JSON. */
export function preparedData({ shard, shown, buckets, made, statements }: PreparedShard): object {
  const { name, weight, zone } = shard;
  return { name, url: shown, weight, zone, buckets, madeTables: made, statements };
}
