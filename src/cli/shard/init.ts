import { ShardStore } from "../../core/shard/map/shard-store.ts";
import { type InitReport, initKeyspace } from "../../core/shard/schema/init-keyspace.ts";
import { ShardSession } from "../../core/shard/schema/shard-session.ts";
import { systemClock } from "../../core/util/clock.ts";
import { sameBackend } from "../where.ts";
import { preparedData, preparedLine, scriptLines, tellFindings } from "./prepare-lines.ts";
import type { ShardPlaces } from "./shard-places.ts";
import { readShard, readTable, warnOfPasswords } from "./shard-words.ts";

/** What was typed. */
export interface InitInput {
  readonly keyspace: string;
  readonly buckets: number;
  readonly tables: readonly string[];
  readonly shards: readonly string[];
  readonly unique: readonly string[];
  readonly virtual: boolean;
  readonly dryRun: boolean;
}

/** `shard init`. */
export async function runInit(input: InitInput, places: ShardPlaces): Promise<void> {
  const { out, store } = places;
  const order = {
    ...input,
    tables: input.tables.map(readTable),
    shards: input.shards.map((word) => readShard(word, "--shard")),
  };
  warnOfPasswords(order.shards, out);
  const report = await initKeyspace(order, {
    store: new ShardStore(store, input.keyspace),
    open: (shard) => ShardSession.open(shard, sessionDeps(places)),
    onStep: (text) => out.note(text),
    onFindings: (findings) => tellFindings(findings, out),
  });
  const { keyspace, adopted, isNew, shards, findings } = report;
  out.result(
    "shard.init",
    { ...keyspace, adopted, isNew, dryRun: input.dryRun, shards: shards.map(preparedData), findings },
    {
      lines: () => (input.dryRun ? scriptLines(shards) : initLines(report, sameBackend(places.settings))),
      names: () => [keyspace.name],
    },
  );
}

/** For sessions that change tables. */
export function sessionDeps({ settings, signal }: Pick<ShardPlaces, "settings" | "signal">) {
  return { clock: systemClock, timeoutMs: settings.timeoutMs.value, env: process.env, signal };
}

function initLines({ keyspace, adopted, isNew, shards }: InitReport, backend: string): readonly string[] {
  const next = `next     dcs shard plan --keyspace ${keyspace.name}${backend}   # how they would be spread`;
  return [
    `keyspace ${keyspace.name}: ${keyspace.buckets} buckets${isNew ? "" : ", as it was"}`,
    ...keyspace.tables.map(({ name, key }) => `table    ${name}, by ${key}`),
    ...shards.map(preparedLine),
    ...(adopted === null || shards.length === 1
      ? []
      : [`adopted  the rows of ${adopted}, which has all buckets now`, next]),
  ];
}
