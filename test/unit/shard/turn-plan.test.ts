import { expect, it } from "vitest";
import type { MoveState } from "../../../src/core/shard/map/shard-store.ts";
import { turnPlan } from "../../../src/core/shard/operate/turn-plan.ts";

const where = { madeAt: "2026-01-01T00:00:00.000Z", context: null, backend: "embedded:" };
const move = (bucket: number, runner: { readonly host: string; readonly pid: number } | null = null) =>
  ({
    record: {
      bucket,
      src: "a",
      dst: "b",
      epoch: 1,
      intent: "move",
      isReverse: false,
      plan: "p",
      startedAt: 0,
    },
    runner,
    phase: null,
  }) as unknown as MoveState;

it("an abort says of each move whether it can be taken back, and who has it", () => {
  const action = { keyspace: "shop", buckets: [0, 1, 2], force: false };
  const owners = [
    { shard: "a", epoch: 1 },
    { shard: "b", epoch: 2 },
    { shard: "a", epoch: 1 },
  ];
  const moves = [move(0), move(1), move(2, { host: "db1", pid: 77 })];
  expect(turnPlan("abort", action, moves, owners, where).steps).toEqual([
    "bucket  0: stays on a; its copy on b is deleted",
    expect.stringMatching(/^bucket {2}1: is on b already, and cannot be taken back: `dcs shard resume`/),
    "bucket  2: stays on a; its copy on b is deleted (in the hands of db1 pid 77: stop that first, or add --force)",
  ]);
  const forced = turnPlan("abort", { ...action, force: true }, moves, owners, where).steps;
  expect(forced[2]).toBe("bucket  2: stays on a; its copy on b is deleted (taken from db1 pid 77)");
});
