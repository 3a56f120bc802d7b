import { describe, expect, it } from "vitest";
import { estimateMoves, type PastMove } from "../../../src/core/shard/operate/estimate.ts";
import { formatByteSize } from "../../../src/core/util/byte-size.ts";

const MIB = 1024 * 1024;
const free = { concurrency: 1, maxRate: null };
const move = (bytes: number, rows = 0) => ({ rows, bytes });
const past = (bytes: number, durationMs: number, pauseMs: number | null, outcome = "moved"): PastMove => ({
  ...{ bytes, durationMs, pauseMs, outcome },
});

describe("estimateMoves", () => {
  it("assumes where nothing was moved yet, and says so", () => {
    expect(estimateMoves([move(40 * MIB)], [], free)).toMatchObject({ from: "assumed", durationMs: 3500 });
    expect(estimateMoves([], [], free)).toMatchObject({ durationMs: 0 });
  });

  it("learns from the moves that were made, and from no others", () => {
    const history = [
      past(0, 300, 12),
      past(100, 500, 20),
      past(0, 400, 30),
      past(10 * MIB, 2400, null),
      past(500 * MIB, 10, 9000, "aborted"),
    ];
    const learnt = estimateMoves([move(5 * MIB)], history, free);
    expect(learnt).toEqual({ from: "history", durationMs: 1400, pauseMs: 20, bytesPerS: 5 * MIB });
  });

  it("counts with several moves at once, and with a limit of the rate", () => {
    const moves = Array.from({ length: 4 }, () => move(0, 1000));
    expect(estimateMoves(moves, [], free).durationMs).toBe(6000);
    expect(estimateMoves(moves, [], { concurrency: 2, maxRate: null }).durationMs).toBe(3000);
    expect(estimateMoves(moves, [], { concurrency: 4, maxRate: 100 }).durationMs).toBe(40_000);
  });
});

it("writes sizes as people do", () => {
  expect([0, 900, 1024, 1536, 20 * MIB, 3.5 * 1024 * MIB].map(formatByteSize)).toEqual([
    ...["0 B", "900 B", "1 KiB", "1.5 KiB", "20 MiB", "3.5 GiB"],
  ]);
});
