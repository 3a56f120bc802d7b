import { DcsError } from "../../errors.ts";
import { redact } from "../../util/redact.ts";
import type { Shard } from "../keyspace.ts";
import { checkOrder } from "./check-order.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { type InitDeps, type PreparedShard, prepare } from "./init-keyspace.ts";
import { compareShards, lookAtShard, type ShardLook } from "./look-at-shards.ts";
import { checkRecord } from "./schema-state.ts";
import { gathered, refuseFindings, type ShardFinding } from "./server-findings.ts";
import { refuseStrays } from "./table-rows.ts";

export interface AddOrder {
  readonly shard: Shard;
  readonly dryRun: boolean;
}

export interface AddReport {
  readonly keyspace: string;
  readonly added: PreparedShard;
  /** After whose definition tables were made. */
  readonly model: string;
  readonly findings: readonly ShardFinding[];
}

/**
 * Gives a keyspace one more shard, without buckets: its tables must be empty, and those that are missing are made as another shard
 * has them. Of one that it has already, what is missing on the server is made again. SHARD_CHANGED when the keyspace was changed meanwhile; else as `initKeyspace`.
 */
export async function addShard({ shard, dryRun }: AddOrder, deps: InitDeps): Promise<AddReport> {
  const { store, open, onStep, onFindings } = deps;
  const state = await store.keyspace();
  const { keyspace } = state;
  const same = state.shards.find(({ name, url }) => name === shard.name || url === shard.url);
  const isThere = same?.name === shard.name && same.url === shard.url;
  if (same !== undefined && !isThere) {
    const how = same.name === shard.name ? `a shard ${same.name}` : `this database, as shard ${same.name}`;
    throw new DcsError("SHARD_CHANGED", `keyspace ${keyspace.name} has ${how} already`, {
      hint:
        same.name === shard.name
          ? `its URL is ${redact(same.url)} and stays so: let that host name lead to the new server; or take another name`
          : "see its shards with `dcs shard ls`",
      details: { keyspace: keyspace.name, shard: same.name },
    });
  }
  const others = state.shards.filter(({ name }) => name !== shard.name);
  checkOrder(keyspace, [...others, shard]);
  using stack = new DisposableStack();
  const wanted = { tables: keyspace.tables, isSettled: true };
  const looks: ShardLook[] = [];
  const server = stack.use(await open(shard));
  if (!dryRun) await server.lock();
  onStep(`looking at shard ${shard.name} (${server.shown})`);
  const look = await lookAtShard(server, wanted);
  for (const each of others) looks.push(await lookAtShard(stack.use(await open(each)), wanted));
  const model = looks.find(({ tables }) => tables.length === keyspace.tables.length) ?? look;
  const findings = gathered(
    new Map([
      [
        shard.name,
        [
          ...look.findings,
          ...(compareShards([...looks, look], model).get(shard.name) ?? []),
          ...(isThere ? [] : rowFindings(look)),
        ],
      ],
    ]),
  );
  onFindings(findings);
  refuseFindings(findings);
  if (look.record !== null) checkRecord(look.record, keyspace, shard.name);
  const { owners } = await store.map();
  const spec = { keyspace, owners, virtual: false, dryRun };
  const added = await prepare(shard, look, model, spec, onStep);
  if (!dryRun && !isThere) {
    await refuseStrays(server, keyspace.tables);
    await server.assertLocked();
    await store.change(state, { shards: [...state.shards, shard] });
  }
  return { keyspace: keyspace.name, added, model: model.server.shard, findings };
}

function rowFindings({ filled }: ShardLook): readonly Finding[] {
  const { found, refuse } = findingsOf(null);
  if (filled.length > 0) {
    refuse(
      "rows-there",
      `it has rows in ${filled.join(", ")}, of which nobody knows whether other shards have them too`,
      "empty these tables, or give it an empty database",
    );
  }
  return found;
}
