import { describe, expect, it } from "vitest";
import { callKey } from "../../../../src/core/saga/engine/run-state.ts";
import { why } from "../../../../src/core/saga/operate/why.ts";
import { allDone, call, NOW, orderSaga, recordOf } from "./records.ts";

const definition = await orderSaga();
const HELD = { owner: "host:12", dueAt: NOW + 8000 } as const;
const FAILED = { type: "failed", step: "ship", message: "409 sold out" } as const;

describe("why", () => {
  it("says what is under way, and who has it until when", () => {
    const record = recordOf(definition, {
      ...HELD,
      calls: {
        create: { do: call("done") },
        pay: { do: call("intent", { attempts: 2, deadlineAt: NOW + 3000 }) },
      },
    });
    expect(why(record, definition, NOW)).toEqual({
      status: "running",
      because:
        "step pay is under way, attempt 2 of 3 until 2026-01-01T00:00:03.000Z (in 3s) at the latest; host:12 (lease until 2026-01-01T00:00:08.000Z (in 8s)) executes it",
      findOut: [],
      next: ["dcs saga show r1 --watch"],
    });
  });

  it("says which retry it waits for", () => {
    const record = recordOf(definition, {
      dueAt: NOW + 60_000,
      calls: {
        create: {
          do: call("pending", {
            notBefore: NOW + 60_000,
            error: { kind: "not-sent", message: "connection refused" },
          }),
        },
      },
    });
    const { because, next } = why(record, definition, NOW);
    expect(because).toBe(
      "step create is tried again at 2026-01-01T00:01:00.000Z (in 1m) (connection refused); a worker takes it up at 2026-01-01T00:01:00.000Z (in 1m)",
    );
    expect(next).toContain("dcs saga worker");
  });

  it("says that nobody takes it, and how often it got nowhere", () => {
    const fresh = why(recordOf(definition, { dueAt: NOW - 2000 }), definition, NOW);
    expect(fresh.because).toBe(
      "it is due since 2025-12-31T23:59:58.000Z (2s ago) and no worker has taken it",
    );
    expect(fresh.next).toEqual(['dcs saga resume r1 --reason "…"', "dcs saga worker"]);
    const dead = why(
      recordOf(definition, { owner: "host:12", dueAt: NOW - 2000, claims: 3 }),
      definition,
      NOW,
    );
    expect(dead.because).toMatch(
      /^host:12, which executed it, has not been heard of since .*2s ago.*3 workers/,
    );
  });

  it("says what it was at when it was left", () => {
    const error = { kind: "not-sent", message: "no instance" } as const;
    const again = recordOf(definition, {
      dueAt: NOW - 2000,
      calls: { create: { do: call("pending", { attempts: 2, error }) } },
    });
    expect(why(again, definition, NOW).because).toMatch(
      /^step create is tried again next \(no instance\); it is due since .*2s ago/,
    );
    const dead = recordOf(definition, {
      owner: "host:12",
      dueAt: NOW - 2000,
      calls: { create: { do: call("intent", { attempts: 1 }) } },
    });
    expect(why(dead, definition, NOW).because).toMatch(
      /^what became of step create, attempt 1, was not written down; host:12, which executed it/,
    );
  });

  it("says what was asked for and is not taken up", () => {
    const requests = [{ id: 1, at: NOW - 1000, event: { type: "cancelled", message: "no" } }] as const;
    expect(why(recordOf(definition, { ...HELD, requests }), definition, NOW).because).toMatch(
      /^cancel was asked for .*1s ago.* host:12 .* has yet to take it up$/,
    );
    expect(why(recordOf(definition, { dueAt: NOW, requests }), definition, NOW).because).toMatch(
      /no worker has taken it up$/,
    );
  });

  it("says that an unknown outcome is being resolved", () => {
    const record = recordOf(definition, {
      ...HELD,
      calls: {
        create: { do: call("done") },
        pay: { do: call("intent", { asks: "probe", probes: 1, everUnknown: true }) },
        mail: {
          do: call("unknown", {
            notBefore: NOW + 500,
            everUnknown: true,
            error: { kind: "unknown", message: "timeout" },
          }),
        },
      },
    });
    expect(why(record, definition, NOW).because).toMatch(
      /^it is being asked whether step pay took effect \(probe 1 of 3\), and it is not known whether step mail took effect \(timeout\), which is looked into at /,
    );
  });

  it("says why it is being undone, and was", () => {
    const going = recordOf(definition, {
      ...HELD,
      state: { status: "compensating", direction: "undo", cause: FAILED },
      calls: { create: { do: call("done"), undo: call("intent") } },
    });
    expect(why(going, definition, NOW).because).toMatch(
      /^it is being undone because step ship failed: 409 sold out; the compensation of step create is under way, attempt 1 of 5/,
    );
    const gone = recordOf(definition, {
      state: { status: "compensated", direction: "undo", cause: FAILED },
      calls: {
        create: { do: call("done"), undo: call("done") },
        mail: { do: call("done"), undo: call("skipped") },
      },
    });
    expect(why(gone, definition, NOW)).toMatchObject({
      because:
        "it was undone because step ship failed: 409 sold out, and only what nothing undoes is left: mail",
      next: ["dcs saga replay r1 --dry-run", "dcs saga show r1"],
    });
  });

  it("says of what ended how it ended", () => {
    const completed = recordOf(definition, { state: { status: "completed" }, calls: allDone(definition) });
    expect(why(completed, definition, NOW).because).toBe("it is completed: every step was done within 55s");
    const cause = { type: "cancelled", step: null, message: "not wanted (ann@host)" } as const;
    const cancelled = recordOf(definition, { state: { status: "cancelled", direction: "undo", cause } });
    expect(why(cancelled, definition, NOW).because).toBe(
      "it was cancelled before anything was done: not wanted (ann@host)",
    );
  });
});

describe("why it is parked", () => {
  const parked = { status: "parked", cause: { type: "parked", step: "mail", message: "timeout" } } as const;

  it("for an outcome that only a person can find out", () => {
    const record = recordOf(definition, {
      state: parked,
      calls: {
        create: { do: call("done") },
        mail: {
          do: call("parked", { everUnknown: true, error: { kind: "unknown", message: "timeout" } }),
        },
      },
    });
    const key = callKey("r1", "mail", "do", 1);
    expect(why(record, definition, NOW)).toEqual({
      status: "parked",
      because:
        "it was parked because it is not known whether step mail took effect, and the definition leaves it to a person (unknown: park): timeout",
      findOut: [`whether step mail took effect: ask its service for key ${key}`],
      next: [
        'dcs saga resolve r1 mail --as done --evidence "…" --reason "…"',
        'dcs saga resolve r1 mail --as not-done --evidence "…" --reason "…"',
        'dcs saga compensate r1 --reason "…"',
      ],
    });
  });

  it.each([
    ["a key that may be forgotten", { firstSentAt: NOW - 90_000_000 }, "older than keyTtl (1d)"],
    ["probes that said nothing", { probes: 3 }, "3 probes could not tell"],
    ["a budget that is spent", { attempts: 3 }, "3 attempts under one key did not tell"],
    [
      "a key that was used for something else",
      { error: { kind: "refused", message: "422" } },
      "used for something else: 422",
    ],
  ] as const)("for %s", (_what, more, expected) => {
    const pay = { do: call("parked", { everUnknown: true, ...more }) };
    const record = recordOf(definition, { state: parked, calls: { create: { do: call("done") }, pay } });
    const { because, next } = why(record, definition, NOW);
    expect(because).toContain(expected);
    expect(next[0]).toContain("dcs saga resolve r1 pay --as");
  });

  it("for what could not be sent where it was executed, without blaming the service", () => {
    const error = { kind: "refused", message: "nothing was sent: DCS_SAGA_KEY is not set" } as const;
    const pay = { do: call("parked", { attempts: 1, error }) };
    const record = recordOf(definition, { state: parked, calls: { create: { do: call("done") }, pay } });
    const { because, next } = why(record, definition, NOW);
    expect(because).toBe(
      "it was parked because step pay could not be made where the run was executed: nothing was sent: DCS_SAGA_KEY is not set",
    );
    expect(next[0]).toBe('dcs saga resume r1 --reason "…"');
  });

  it("behind the point of no return: mend it and resume; there is no way back", () => {
    const calls = {
      ...allDone(definition),
      thank: { do: call("parked", { attempts: 5, error: { kind: "failed", message: "500" } }) },
    } as const;
    const { because, next } = why(recordOf(definition, { state: parked, calls }), definition, NOW);
    expect(because).toBe(
      "it was parked because step thank failed after 5 attempts, and behind the point of no return a step is never undone: 500",
    );
    expect(next).toEqual([
      'dcs saga resume r1 --reason "…"',
      'dcs saga resolve r1 thank --as done --evidence "…" --reason "…"',
      'dcs saga resolve r1 thank --as not-done --evidence "…" --reason "…"',
    ]);
  });

  it("for a compensation that fails", () => {
    const state = { status: "parked", direction: "undo", cause: FAILED } as const;
    const undo = call("parked", { attempts: 5, error: { kind: "failed", message: "locked" } });
    const { because, next } = why(
      recordOf(definition, { state, calls: { create: { do: call("done"), undo } } }),
      definition,
      NOW,
    );
    expect(because).toBe(
      "it was parked while it was being undone (step ship failed: 409 sold out) because the compensation of step create failed after 5 attempts: locked",
    );
    expect(next).toContain('dcs saga resolve r1 create --undo --as not-done --evidence "…" --reason "…"');
  });

  it("for workers that took it and got nowhere", () => {
    const cause = { type: "parked", step: null, message: "5 workers took it and none got anywhere" } as const;
    const record = recordOf(definition, {
      state: { status: "parked", cause },
      calls: { create: { do: call("intent") } },
    });
    expect(why(record, definition, NOW)).toMatchObject({
      because:
        "it was parked 2025-12-31T23:59:55.000Z (5s ago) because 5 workers took it and none got anywhere",
      next: ['dcs saga resume r1 --reason "…"', "dcs saga show r1"],
    });
  });
});
