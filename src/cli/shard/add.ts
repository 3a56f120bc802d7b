import { addShard } from "../../core/shard/schema/add-shard.ts";
import { ShardSession } from "../../core/shard/schema/shard-session.ts";
import { sameBackend } from "../where.ts";
import { sessionDeps } from "./init.ts";
import { openShards } from "./keyspace-flag.ts";
import { preparedData, preparedLine, scriptLines, tellFindings } from "./prepare-lines.ts";
import type { ShardPlaces } from "./shard-places.ts";
import { readShard, warnOfPasswords } from "./shard-words.ts";

/** What was typed. */
export interface AddInput {
  readonly keyspace: string | undefined;
  readonly shard: string;
  readonly weight: number | undefined;
  readonly zone: string | undefined;
  readonly dryRun: boolean;
}

/** `shard add`. */
export async function runAdd(input: AddInput, places: ShardPlaces): Promise<void> {
  const { out, store, settings } = places;
  const shard = readShard(input.shard, "SHARD", { weight: input.weight ?? 1, zone: input.zone ?? null });
  const { shards, keyspace } = await openShards(store, input.keyspace);
  warnOfPasswords([shard], out);
  const report = await addShard(
    { shard, dryRun: input.dryRun },
    {
      store: shards,
      open: (each) => ShardSession.open(each, sessionDeps(places)),
      onStep: (text) => out.note(text),
      onFindings: (findings) => tellFindings(findings, out),
    },
  );
  const { added, model, findings } = report;
  out.result(
    "shard.add",
    { keyspace, dryRun: input.dryRun, shard: preparedData(added), model, findings },
    {
      lines: () =>
        input.dryRun
          ? scriptLines([added])
          : [
              preparedLine(added),
              ...(added.made.length === 0 ? [] : [`tables   as shard ${model} has them`]),
              `next     dcs shard plan --keyspace ${keyspace}${sameBackend(settings)}   # what would move there`,
            ],
      names: () => [shard.name],
    },
  );
}
