import { describe, expect, it } from "vitest";
import { callKey } from "../../../../src/core/saga/engine/run-state.ts";
import type { EventRecord, JournalEvent } from "../../../../src/core/saga/journal/journal.ts";
import { findRun } from "../../../../src/core/saga/operate/find-run.ts";
import { graph } from "../../../../src/core/saga/operate/graph.ts";
import { runView } from "../../../../src/core/saga/operate/run-view.ts";
import { timeline } from "../../../../src/core/saga/operate/timeline.ts";
import { call, NOW, orderSaga, recordOf } from "./records.ts";

const definition = await orderSaga();

function eventAt(at: number, epoch: number, ...events: readonly JournalEvent[]): EventRecord {
  return { seq: 1, epoch, txid: "t", at, events };
}

describe("the view of a run", () => {
  it("has every step in the order of the definition, with key and time, and no secret", () => {
    const record = recordOf(definition, {
      state: { input: { sku: "s", card: { $sealed: "AAAA" }, list: [{ $sealed: "BBBB" }] } },
      calls: {
        pay: { do: call("intent", { attempts: 2 }) },
        create: { do: call("done", { output: { id: 7 } }) },
      },
      requests: [{ id: 1, at: NOW, event: { type: "cancelled", message: "no" } }],
    });
    const events = [
      eventAt(NOW - 10_000, 1, { type: "begun", step: "create" }),
      eventAt(
        NOW - 7500,
        1,
        { type: "done", step: "create", direction: "do" },
        { type: "begun", step: "pay" },
      ),
    ];
    const view = runView(record, definition, { events, now: NOW });
    expect(view).toMatchObject({ run: "r1", status: "running", error: null, durationMs: 60_000 });
    expect(view.input).toEqual({ sku: "s", card: "[sealed]", list: ["[sealed]"] });
    expect(view.waiting).toEqual([{ verb: "cancel", at: "2026-01-01T00:00:00.000Z" }]);
    expect(
      view.steps.map(({ name, state, attempts, durationMs }) => [name, state, attempts, durationMs]),
    ).toEqual([
      ["create", "done", 1, 2500],
      ["pay", "intent", 2, 10_000],
      ["mail", "pending", 0, null],
      ["ship", "pending", 0, null],
      ["thank", "pending", 0, null],
    ]);
    expect(view.steps[0]).toMatchObject({
      key: callKey("r1", "create", "do", 1),
      output: { id: 7 },
      undo: null,
    });
    expect(view.steps[2]?.key).toBeNull();
    expect(JSON.stringify(view)).not.toContain("AAAA");
  });

  it("has compensations, and what was taken over", () => {
    const cause = { type: "failed", step: "pay", message: "no money" } as const;
    const record = recordOf(definition, {
      state: { runId: "r2", rootId: "r1", parentRun: "r1", status: "compensating", direction: "undo", cause },
      calls: {
        create: {
          do: call("done", { firstSentAt: NOW - 600_000 }),
          undo: call("intent", { firstSentAt: NOW - 100 }),
        },
      },
    });
    const view = runView(record, definition, { events: [], now: NOW });
    expect(view.error).toEqual(cause);
    expect(view.steps[0]).toMatchObject({ reused: true, durationMs: null });
    expect(view.steps[0]?.undo).toMatchObject({
      state: "intent",
      durationMs: 100,
      key: callKey("r1", "create", "undo", 1),
    });
  });
});

it("the timeline has each event with the time since the start, and where another worker took over", () => {
  const lines = timeline(
    [
      eventAt(NOW, 1, { type: "created" }, { type: "begun", step: "pay", direction: "do", attempt: 1 }),
      eventAt(NOW + 30_000, 2, { type: "unknown", step: "pay", direction: "undo", message: "timeout" }),
    ],
    NOW,
  );
  expect(lines.map(({ sinceMs, text }) => [sinceMs, text])).toEqual([
    [0, "created"],
    [0, "begun  pay #1"],
    [30_000, "claimed  by the next worker (epoch 2)"],
    [30_000, "unknown  undo of pay: timeout"],
  ]);
});

it("the graph has nodes with their states, edges and the pivot", () => {
  const record = recordOf(definition, {
    calls: { create: { do: call("done"), undo: call("done") }, pay: { do: call("intent") } },
  });
  const text = graph(record, definition);
  expect(text.split("\n")).toEqual(
    expect.arrayContaining([
      "flowchart LR",
      '  s0["create<br/>undone"]',
      '  s1["pay<br/>under-way"]',
      '  s3{{"ship<br/>pending"}}',
      "  s0 --> s1",
      "  s0 --> s2",
      "  s1 --> s3",
      "  s2 --> s3",
      "  class s1 is-under-way",
    ]),
  );
});

describe("a run is found", () => {
  const runs = ["3f2a01", "3f2b02", "9c0003"].map((runId) => recordOf(definition, { state: { runId } }));
  const journal = {
    url: "embedded:",
    run: async (id: string) => runs.find(({ state }) => state.runId === id) ?? null,
    runs: async ({ idPrefix = "" }) => runs.filter(({ state }) => state.runId.startsWith(idPrefix)),
  };

  it("by its id, or a beginning that only it has", async () => {
    expect((await findRun(journal, "3f2a01")).state.runId).toBe("3f2a01");
    expect((await findRun(journal, "9c")).state.runId).toBe("9c0003");
  });

  it("and not by less", async () => {
    await expect(findRun(journal, "3f2")).rejects.toMatchObject({
      code: "RUN_AMBIGUOUS",
      details: { matches: ["3f2a01", "3f2b02"] },
    });
    await expect(findRun(journal, "77")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    await expect(findRun(journal, "")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });
});
