import { DcsError } from "../../errors.ts";
import { type Finding, sayFinding } from "./finding.ts";

/** A finding, and on which shards it is so. */
export interface ShardFinding extends Finding {
  readonly shards: readonly string[];
}

/** What was found on several shards, each thing once. */
export function gathered(found: ReadonlyMap<string, readonly Finding[]>): readonly ShardFinding[] {
  const all = [...found].flatMap(([shard, findings]) => findings.map((finding) => ({ shard, finding })));
  const same = Map.groupBy(all, ({ finding }) => JSON.stringify(finding));
  return [...same.values()].flatMap(([first, ...more]) =>
    first === undefined ? [] : [{ ...first.finding, shards: [first, ...more].map(({ shard }) => shard) }],
  );
}

/** One line for people. */
export function sayShardFinding(finding: ShardFinding): string {
  const { shards, table } = finding;
  const where = shards.length > 1 ? `shards ${shards.join(", ")}` : `shard ${shards[0]}`;
  return `${where}: ${table === null ? "" : "table "}${sayFinding(finding)}`;
}

/** SHARD_SCHEMA_UNSUITABLE with all findings when one of them forbids to go on. */
export function refuseFindings(findings: readonly ShardFinding[]): void {
  const refused = findings.filter(({ severity }) => severity === "refused");
  const [first] = refused;
  if (first === undefined) return;
  const count = refused.length === 1 ? "" : ` (and ${refused.length - 1} more)`;
  const { hint, ...rest } = first;
  const said = sayShardFinding({ ...rest, hint: "" }).replace(/; $/, "");
  throw new DcsError("SHARD_SCHEMA_UNSUITABLE", `${said}${count}`, { details: { findings }, hint });
}
