import { describe, expect, it } from "vitest";
import { localSettings } from "../../../src/cli/dev/dev-places.ts";
import type { Output } from "../../../src/cli/output.ts";
import { reportMoves } from "../../../src/cli/shard/report-moves.ts";
import { DcsError } from "../../../src/core/errors.ts";
import type { MoveResult } from "../../../src/core/shard/move/move-event.ts";
import type { WantedMove } from "../../../src/core/shard/move/rebalancer.ts";
import type { Store } from "../../../src/core/store/store.ts";

const result = (outcome: MoveResult["outcome"], error: DcsError | null = null): MoveResult => ({
  ...{ bucket: 7, src: "a", dst: "b", outcome, rows: 10, bytes: 2048, applied: 0, durationMs: 5 },
  ...{ predictedPauseMs: null, pauseMs: 40, checksums: {}, differences: [], error },
});
const left: WantedMove = { bucket: 9, src: "a", dst: "b" };
const lost = new DcsError("SHARD_UNREACHABLE", "shard b did not answer");

function report(
  results: readonly MoveResult[],
  notBegun: readonly WantedMove[] = [],
  stopped?: DcsError,
  keyspace?: string,
) {
  const printed: string[] = [];
  const abort = new AbortController();
  if (stopped !== undefined) abort.abort(stopped);
  const out = {
    ...{ mode: "table", tty: false, quiet: false, note: () => {} },
    result: (_name: string, _data: object, view: { lines?: () => readonly string[] }) =>
      printed.push(...(view.lines?.() ?? [])),
  } as unknown as Output;
  const places = { out, settings: localSettings("/x"), signal: abort.signal, store: {} as Store };
  try {
    reportMoves("shard.rebalance", { results, left: notBegun }, places, {}, { keyspace });
    return { exit: 0, message: printed.join("\n"), hint: "" };
  } catch (error) {
    const { exitCode, message, hint, data } = error as DcsError;
    expect(data).toMatchObject({ results: results.map(({ outcome }) => ({ outcome })), left: notBegun });
    return { exit: exitCode, message, hint };
  }
}

describe("reportMoves", () => {
  it("is 0 when all were made", () => {
    expect(report([result("moved"), result("moved")])).toMatchObject({
      exit: 0,
      message: "moved 2 buckets, 20 rows, 4 KiB, longest pause 40ms",
    });
    expect(report([])).toMatchObject({ exit: 0, message: "nothing was moved" });
  });

  it("is 9 when all were taken back, 7 when only some were made", () => {
    expect(report([result("aborted")])).toMatchObject({ exit: 9, message: "1 bucket taken back" });
    expect(report([result("moved"), result("failed", lost)], [left])).toMatchObject({
      exit: 7,
      message: expect.stringMatching(
        /^moved 1 bucket, .*; 1 bucket still on the way; 1 bucket not begun: shard b/,
      ),
    });
    expect(report([result("moved"), result("aborted")]).exit).toBe(7);
  });

  it("is 8 when none was made and some are on their way, with what mends it", () => {
    expect(report([result("failed", lost)])).toEqual({
      exit: 8,
      message: "1 bucket still on the way: shard b did not answer",
      hint: "check its URL with `dcs shard ls`, and the server; then dcs shard resume",
    });
    const told = new DcsError("SHARD_MOVE_STUCK", "it stands still");
    expect(report([result("failed", told)]).hint).toBe("when the cause is gone: `dcs shard resume`");
    expect(report([result("superseded")])).toMatchObject({ exit: 8, hint: "dcs shard resume" });
  });

  it("says what to type for the keyspace that was named", () => {
    expect(report([result("failed", lost)], [], undefined, "shop").hint).toMatch(
      /; then dcs shard resume --keyspace shop$/,
    );
    const told = new DcsError("SHARD_MOVE_STUCK", "it stands still");
    expect(report([result("failed", told)], [], undefined, "shop").hint).toBe(
      "when the cause is gone: `dcs shard resume --keyspace shop`",
    );
  });

  it("is the signal's when it was stopped", () => {
    const interrupted = new DcsError("INTERRUPTED", "stopped by SIGINT");
    expect(report([result("moved"), result("stopped")], [left], interrupted)).toMatchObject({
      exit: 130,
      message: expect.stringContaining("nothing is lost"),
      hint: "dcs shard resume",
    });
  });
});
