import { expect, it } from "vitest";
import type { BucketOwner } from "../../../src/core/shard/keyspace.ts";
import type { MoveRecord } from "../../../src/core/shard/move/move-record.ts";
import {
  judgePlaces,
  type SeenBucket,
  type SeenServer,
} from "../../../src/core/shard/operate/judge-places.ts";

const owners: readonly BucketOwner[] = [
  { shard: "a", epoch: 1 },
  { shard: "a", epoch: 3 },
  { shard: "b", epoch: 2 },
];

function server(
  shard: string,
  states: readonly (SeenBucket | null)[],
  rows: Readonly<Record<number, number>> = {},
): SeenServer {
  return {
    shard,
    buckets: new Map(states.flatMap((seen, bucket) => (seen === null ? [] : [[bucket, seen] as const]))),
    rows: new Map([["orders", new Map(Object.entries(rows).map(([bucket, n]) => [Number(bucket), n]))]]),
  };
}

const owned = (epoch: number): SeenBucket => ({ state: "owned", epoch });
const is = (state: SeenBucket["state"], epoch: number): SeenBucket => ({ state, epoch });
const good = () => [
  server("a", [owned(1), owned(3), is("gone", 2)], { 0: 5, 1: 5 }),
  server("b", [null, is("gone", 2), owned(2)], { 2: 9 }),
];
const move = (bucket: number, src: string, dst: string, epoch: number): MoveRecord => ({
  ...{ bucket, src, dst, epoch },
  ...{ intent: "move", isReverse: false, plan: "p", startedAt: 0 },
});
const faults = (servers: readonly SeenServer[], moves: readonly MoveRecord[] = []) =>
  judgePlaces(owners, moves, servers).map(({ fault, shard, bucket, rows }) => [fault, shard, bucket, rows]);

it("finds nothing where the map and the servers agree", () => {
  expect(faults(good())).toEqual([]);
});

it("finds rows on a shard that does not own their bucket", () => {
  const [a, b] = good();
  expect(faults([a as SeenServer, server("b", [null, is("gone", 2), owned(2)], { 2: 9, 1: 3 })])).toEqual([
    ["misplaced", "b", 1, 3],
  ]);
  // While it moves they stand on both.
  expect(
    faults(
      [
        server("a", [owned(1), is("moving", 3), is("gone", 2)], { 0: 5, 1: 5 }),
        server("b", [null, is("incoming", 3), owned(2)], { 1: 4 }),
      ],
      [move(1, "a", "b", 3)],
    ),
  ).toEqual([]);
  expect(b?.shard).toBe("b");
});

it("finds a bucket that two shards take writes to, also while it moves", () => {
  const twice = [good()[0] as SeenServer, server("b", [null, owned(3), owned(2)], { 2: 9 })];
  expect(faults(twice)).toEqual([["open twice", "b", 1, 0]]);
  expect(faults(twice, [move(1, "a", "b", 3)])).toEqual([["open twice", "b", 1, 0]]);
});

it("finds a bucket that nobody takes writes to, unless its move will open it", () => {
  const sealed = [server("a", [owned(1), is("sealed", 4), null], { 0: 5, 1: 5 }), good()[1] as SeenServer];
  expect(faults(sealed)).toEqual([["closed", "a", 1, 0]]);
  expect(faults(sealed, [move(1, "a", "b", 3)])).toEqual([]);
  expect(faults([server("a", [owned(1), null, null]), good()[1] as SeenServer])).toEqual([
    ["closed", "a", 1, 0],
  ]);
});

it("finds another epoch, and what a move left behind", () => {
  const b = good()[1] as SeenServer;
  expect(faults([server("a", [owned(1), owned(5), null]), b])).toEqual([["epoch", "a", 1, 0]]);
  expect(faults([server("a", [owned(1), is("moving", 3), null]), b])).toEqual([["leftover", "a", 1, 0]]);
  expect(faults([good()[0] as SeenServer, server("b", [is("incoming", 1), null, owned(2)])])).toEqual([
    ["leftover", "b", 0, 0],
  ]);
});
