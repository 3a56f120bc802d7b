import type { Shard } from "../../core/shard/keyspace.ts";
import { keyspacesOf, type MoveState, ShardStore } from "../../core/shard/map/shard-store.ts";
import type { Store } from "../../core/store/store.ts";
import { redact } from "../../core/util/redact.ts";
import type { Output } from "../output.ts";

interface Places {
  readonly store: Store;
  readonly out: Output;
}

/** The keyspaces of the store. */
export async function listKeyspaces({ store, out }: Places): Promise<void> {
  const names = await keyspacesOf(store);
  const keyspaces = await Promise.all(
    names.map(async (name) => {
      const shards = new ShardStore(store, name);
      const [state, moves] = await Promise.all([shards.keyspace(), shards.moves()]);
      const { buckets, hash, tables } = state.keyspace;
      return {
        name,
        buckets,
        hash,
        shards: state.shards.length,
        tables: tables.map((table) => table.name),
        moves: moves.length,
      };
    }),
  );
  const empty = `there is no keyspace in ${store.url}; \`dcs shard init\` makes one`;
  out.result(
    "shard.ls",
    { keyspaces },
    {
      table: () => ({
        head: ["KEYSPACE", "BUCKETS", "SHARDS", "TABLES", "ON THEIR WAY"],
        rows: keyspaces.map(({ name, buckets, shards, tables, moves }) => [
          name,
          String(buckets),
          String(shards),
          tables.join(", "),
          String(moves),
        ]),
        empty,
      }),
      names: () => names,
    },
  );
}

/** The shards of one keyspace, and what each has. */
export async function listShards(keyspace: string, { store, out }: Places): Promise<void> {
  const shards = new ShardStore(store, keyspace);
  const [state, map, moves] = await Promise.all([shards.keyspace(), shards.map(), shards.moves()]);
  const { buckets } = state.keyspace;
  const counts = Map.groupBy(map.owners, ({ shard }) => shard);
  const rows = state.shards.map((shard) => {
    const owned = counts.get(shard.name)?.length ?? 0;
    return {
      name: shard.name,
      state: shard.state,
      buckets: owned,
      share: owned / buckets,
      fairShare: fairShare(shard, state.shards),
      weight: shard.weight,
      zone: shard.zone,
      arriving: onTheWay(moves, "dst", shard.name),
      leaving: onTheWay(moves, "src", shard.name),
      url: redact(shard.url),
    };
  });
  const cells = (row: (typeof rows)[number]) => [
    row.name,
    row.state,
    String(row.buckets),
    percent(row.share),
    percent(row.fairShare),
    String(row.weight),
    row.arriving + row.leaving === 0 ? "-" : `${row.arriving} in, ${row.leaving} out`,
  ];
  const head = ["SHARD", "STATE", "BUCKETS", "SHARE", "BY WEIGHT", "WEIGHT", "ON THEIR WAY"];
  out.result(
    "shard.ls",
    { keyspace: state.keyspace, revision: map.revision, shards: rows },
    {
      table: () => ({ head, rows: rows.map(cells) }),
      wide: () => ({
        head: [...head, "ZONE", "URL"],
        rows: rows.map((row) => [...cells(row), row.zone ?? "-", row.url]),
      }),
      names: () => rows.map(({ name }) => name),
    },
  );
}

function fairShare(shard: Shard, all: readonly Shard[]): number {
  const active = all.filter(({ state }) => state === "active");
  if (shard.state !== "active" || active.length === 0) return 0;
  return shard.weight / active.reduce((sum, { weight }) => sum + weight, 0);
}

function onTheWay(moves: readonly MoveState[], end: "src" | "dst", shard: string): number {
  return moves.filter(({ record }) => record[end] === shard).length;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}
