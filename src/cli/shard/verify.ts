import { DcsError } from "../../core/errors.ts";
import {
  compareSums,
  readSums,
  type SumDifference,
  sumKeyspace,
  writeSums,
} from "../../core/shard/operate/keyspace-sums.ts";
import { type Verification, verifyKeyspace } from "../../core/shard/operate/verify-keyspace.ts";
import { sayFinding } from "../../core/shard/schema/finding.ts";
import { systemClock } from "../../core/util/clock.ts";
import { openShards } from "./keyspace-flag.ts";
import { openServers, type ShardPlaces } from "./shard-places.ts";
import { moveData } from "./status-lines.ts";

const SHOWN = 20;

/** What was typed. */
export interface VerifyFlags {
  readonly keyspace?: string | undefined;
  readonly sums?: string | undefined;
  readonly against?: string | undefined;
}

/** `shard verify`: looks at every server, and says what does not fit. SHARD_VERIFY_FAILED carries the data. */
export async function runVerify(flags: VerifyFlags, places: ShardPlaces): Promise<void> {
  const { out, signal, store } = places;
  const { shards, keyspace } = await openShards(store, flags.keyspace);
  const before = flags.against === undefined ? null : await readSums(flags.against, keyspace);
  await using servers = openServers(places);
  const onProgress = (message: string) => out.verbose(message);
  const found = await verifyKeyspace({ shards, servers, clock: systemClock, signal, onProgress });
  const { faults, compared } = found;
  const isSummed = before !== null || flags.sums !== undefined;
  const sums = isSummed ? await sumKeyspace({ shards, servers, clock: systemClock, signal }) : null;
  if (flags.sums !== undefined && sums !== null) await writeSums(flags.sums, sums);
  const changed = before === null || sums === null ? null : compareSums(before, sums);
  const data = { ...found, moves: found.moves.map(moveData), changed };
  for (const { shard, findings } of found.shards) {
    for (const finding of findings) {
      if (finding.severity === "warning") out.warn("SHARD_SCHEMA", `${shard}: ${sayFinding(finding)}`);
    }
  }
  const wrong = [
    ...faults.map(({ message, keys }) => (keys.length > 0 ? `${message} (${keys.join("; ")})` : message)),
    ...compared.flatMap(({ bucket, src, dst, differences }) =>
      differences.map(
        ({ kind, table, key }) =>
          `bucket ${bucket}: row ${key} of table ${table} on ${dst} is ${kind}, compared with ${src}`,
      ),
    ),
    ...(changed ?? []).map((difference) => sayChanged(difference, before?.at ?? "")),
    ...found.shards.flatMap(({ shard, findings }) =>
      findings
        .filter(({ severity }) => severity === "refused")
        .map((finding) => `${shard}: ${sayFinding(finding)}`),
    ),
  ];
  if (wrong.length === 0) {
    out.result("shard.verify", data, {
      lines: () => [
        ...goodLines(found),
        ...(flags.sums === undefined ? [] : [`  rows and digests are in ${flags.sums}, for --against`]),
        ...(before === null ? [] : [`  every bucket has the rows that it had at ${before.at}`]),
      ],
      names: () => [found.keyspace],
    });
    return;
  }
  if (out.mode === "table" || out.mode === "wide") {
    for (const line of wrong.slice(0, SHOWN)) out.note(line);
    if (wrong.length > SHOWN) out.note(`… and ${wrong.length - SHOWN} more: --json has all`);
  }
  const [first = ""] = wrong;
  const more = wrong.length === 1 ? "" : `; and ${wrong.length - 1} more`;
  throw new DcsError(
    "SHARD_VERIFY_FAILED",
    `keyspace ${found.keyspace} is not as it must be: ${first}${more}`,
    {
      data,
      details: { keyspace: found.keyspace, found: wrong.length },
    },
  );
}

function goodLines({ keyspace, shards, moves, compared }: Verification): readonly string[] {
  return [
    `keyspace ${keyspace} is as it must be`,
    ...shards.map(
      ({ shard, buckets, rows }) =>
        `  ${shard}: ${buckets} ${buckets === 1 ? "bucket" : "buckets"}, ${rows} rows, none of them another shard's`,
    ),
    ...(moves.length === 0
      ? []
      : [`  ${moves.length} ${moves.length === 1 ? "move is" : "moves are"} under way`]),
    ...compared.map(
      ({ bucket, src, dst, rows }) => `  bucket ${bucket}: ${rows} rows are the same on ${src} and ${dst}`,
    ),
  ];
}

function sayChanged({ bucket, table, before, now }: SumDifference, at: string): string {
  const what =
    before.rows === now.rows
      ? `other values in its ${now.rows} rows`
      : `${now.rows} rows, and had ${before.rows}`;
  return `bucket ${bucket}: table ${table} has ${what} at ${at}`;
}
