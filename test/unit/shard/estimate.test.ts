import { describe, expect, it } from "vitest";
import { estimateMoves, type PastMove } from "../../../src/core/shard/operate/estimate.ts";
import { formatByteSize } from "../../../src/core/util/byte-size.ts";

const MIB = 1024 * 1024;
const free = { concurrency: 1, maxRate: null };
const past = (rows: number, durationMs: number, pauseMs: number | null, outcome = "moved"): PastMove => ({
  ...{ rows, durationMs, pauseMs, outcome },
});

describe("estimateMoves", () => {
  it("assumes where nothing was moved yet, and says so", () => {
    expect(estimateMoves([{ rows: 40_000 }], [], free)).toMatchObject({ from: "assumed", durationMs: 3000 });
    expect(estimateMoves([], [], free)).toMatchObject({ durationMs: 0 });
  });

  it("learns from the moves that were made, and from no others", () => {
    const history = [
      past(0, 300, 12),
      past(100, 500, 20),
      past(0, 400, 30),
      past(10_000, 2400, null),
      past(500_000, 10, 9000, "aborted"),
    ];
    const learnt = estimateMoves([{ rows: 5000 }], history, free);
    expect(learnt).toEqual({ from: "history", durationMs: 1400, pauseMs: 20, rowsPerS: 5000 });
  });

  it("counts with several moves at once, and with a limit of the rate", () => {
    const moves = Array.from({ length: 4 }, () => ({ rows: 2000 }));
    expect(estimateMoves(moves, [], free).durationMs).toBe(4400);
    expect(estimateMoves(moves, [], { concurrency: 2, maxRate: null }).durationMs).toBe(2200);
    expect(estimateMoves(moves, [], { concurrency: 4, maxRate: 200 }).durationMs).toBe(40_000);
  });
});

it("writes sizes as people do", () => {
  expect([0, 900, 1024, 1536, 20 * MIB, 3.5 * 1024 * MIB].map(formatByteSize)).toEqual([
    ...["0 B", "900 B", "1 KiB", "1.5 KiB", "20 MiB", "3.5 GiB"],
  ]);
});
