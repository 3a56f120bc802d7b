import { expect, it } from "vitest";
import type { MoveResult, MoveStatus } from "../../../src/core/shard/move/move-event.ts";
import { MoveBoard } from "../../../src/core/shard/operate/move-board.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const status = (bucket: number, more: Partial<MoveStatus> = {}): MoveStatus => ({
  ...{ bucket, src: "a", dst: "b", step: "copy", since: 0, rowsCopied: 0, rowsTotal: 100, bytesCopied: 0 },
  ...{ bytesPerS: 0, applied: 0, backlog: 0, predictedPauseMs: null, pauseMs: null, waiting: null },
  ...more,
});
const result = (bucket: number, outcome: MoveResult["outcome"] = "moved"): MoveResult => ({
  ...{ bucket, src: "a", dst: "b", outcome, rows: 100, bytes: 100, applied: 0, durationMs: 1 },
  ...{ predictedPauseMs: null, pauseMs: 5, checksums: {}, differences: [], error: null },
});

it("says how far all moves are, by their sizes", async () => {
  const clock = new FakeClock();
  const wanted = [1, 2, 3].map((bucket) => ({ bucket, src: "a", dst: "b", bytes: bucket === 3 ? 200 : 100 }));
  const board = new MoveBoard({ wanted, expectedMs: 8000, clock });
  expect(board.view()).toMatchObject({ share: 0, total: 3, etaMs: 8000, active: [], lastPauseMs: null });
  await clock.advance(1000);
  expect(board.view().etaMs).toBe(7000);
  board.take({ kind: "progress", status: status(1, { rowsCopied: 50, bytesPerS: 7 }) });
  expect(board.view()).toMatchObject({ share: 0.1125, bytesPerS: 7 });
  board.take({ kind: "opened", status: status(1, { step: "open", pauseMs: 30 }) });
  board.take({ kind: "done", status: status(1), result: result(1) });
  board.take({ kind: "opened", status: status(2, { step: "open", pauseMs: 10 }) });
  const view = board.view();
  expect(view).toMatchObject({ moved: 1, failed: 0, lastPauseMs: 10, longestPauseMs: 30, share: 0.475 });
  expect(view.etaMs).toBeCloseTo((1000 * 0.525) / 0.475);
  for (const bucket of [2, 3]) {
    board.take({
      kind: "done",
      status: status(bucket),
      result: result(bucket, bucket === 3 ? "failed" : "moved"),
    });
  }
  expect(board.view()).toMatchObject({ share: 1, moved: 2, failed: 1, active: [], etaMs: 0 });
});

it("counts moves that no plan named", () => {
  const board = new MoveBoard({ wanted: [], expectedMs: null, clock: new FakeClock() });
  expect(board.view()).toMatchObject({ share: 1, total: 0, etaMs: 0 });
  board.take({ kind: "step", status: status(7, { step: "clean" }) });
  expect(board.view()).toMatchObject({ total: 1, share: 0.9 });
});
