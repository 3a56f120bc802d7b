import { beforeEach, describe, expect, it } from "vitest";
import { DcsError } from "../../../../src/core/errors.ts";
import { newRun } from "../../../../src/core/saga/engine/new-run.ts";
import { transition } from "../../../../src/core/saga/engine/transition.ts";
import type { Journal, OperatorEvent } from "../../../../src/core/saga/journal/journal.ts";
import type { WorkerEvent } from "../../../../src/core/saga/run/worker.ts";
import { JOURNALS, type TestJournal } from "../../../support/saga-journals.ts";
import { openScripted, readSaga, replacing } from "../../../support/scripted-sagas.ts";
import { until } from "../../../support/until.ts";

const RETRY = "timeout: 5s, retry: { attempts: 2, initial: 1ms, max: 2ms }";
const step = (name: string, ...more: readonly string[]) =>
  [`name: ${name}`, "action: { http: POST http://x/ }", RETRY, ...more].join(", ");
const UNDO = "compensate: { http: DELETE http://x/ }";
const PROBE = "probe: { http: GET http://x/ }";

async function ask(journal: Journal, runId: string, event: OperatorEvent): Promise<void> {
  const audit = { verb: "saga.test", actor: "ann@host", reason: "test", details: {} };
  await journal.request(runId, () => ({ event, audit }));
}

const NEW = { input: null, businessKey: null };

describe.each(JOURNALS)("runs over $name", ({ open }) => {
  let place: TestJournal;
  beforeEach(async () => {
    place = await open();
    return () => place[Symbol.asyncDispose]();
  });

  it("learns nothing of a probe whose request cannot be worked out", async () => {
    await using world = await openScripted({
      url: place.url,
      answer: ({ step: name }) =>
        name === "b" ? { kind: "unknown", message: "reset" } : { kind: "done", output: null },
      prepare: ({ asks }) => {
        if (asks === "probe") throw new Error("no such property");
      },
    });
    const read = await readSaga(step("a", UNDO), step("b", UNDO, PROBE, "unknown: probe"));
    const { record } = await world.sagas.run(read, NEW);
    expect(record.state).toMatchObject({ status: "parked", steps: { b: { do: { everUnknown: true } } } });
    await ask(world.journal, record.state.runId, { type: "compensated", message: "give up" });
    // Whether b is there is not known: nothing may say that it is undone.
    expect((await world.sagas.follow(record.state.runId)).record.state.status).toBe("parked");
    expect(world.sent.filter(({ direction }) => direction === "undo")).toEqual([]);
  });

  it.each<OperatorEvent>([
    { type: "resumed" },
    { type: "compensated", message: "x" },
    { type: "cancelled", message: "x" },
  ])("of a run whose definition cannot be read, $type waits for who can read it", async (event) => {
    const unreadable = (journal: Journal) =>
      replacing(journal, {
        definition: () => Promise.reject(new DcsError("SAGA_INVALID", "of a later version")),
      });
    await using world = await openScripted({ url: place.url, through: unreadable, leaseMs: 500 });
    await using other = await openScripted({ url: place.url });
    const read = await readSaga(step("a", UNDO), step("b", UNDO));
    const { runId } = await other.sagas.start(read, NEW);
    const parked = await world.sagas.follow(runId);
    expect(parked.record.state).toMatchObject({ status: "parked", cause: { message: /of a later version/ } });
    await ask(other.journal, runId, event);
    await expect(world.sagas.follow(runId)).rejects.toMatchObject({ code: "SAGA_INVALID" });
    expect((await other.journal.run(runId))?.state.status).toBe("parked");
    const ends = { resumed: "completed", compensated: "compensated", cancelled: "cancelled" };
    const { record } = await other.sagas.follow(runId);
    expect(record).toMatchObject({ state: { status: ends[event.type as "resumed"] }, requests: [] });
  });

  it("keeps what is asked for while a run without a readable definition is being parked", async () => {
    let asked: Promise<void> | null = null;
    const through = (journal: Journal) =>
      replacing(journal, {
        definition: () => Promise.reject(new DcsError("SAGA_INVALID", "of a later version")),
        commit: async (changes, lease) => {
          const runId = changes[0]?.runId ?? "";
          asked ??= ask(journal, runId, { type: "compensated", message: "x" });
          await asked;
          return journal.commit(changes, lease);
        },
      });
    await using world = await openScripted({ url: place.url, through, leaseMs: 500 });
    await using other = await openScripted({ url: place.url });
    const { runId } = await other.sagas.start(await readSaga(step("a", UNDO)), NEW);
    await world.sagas.follow(runId);
    expect(await other.journal.run(runId)).toMatchObject({
      state: { status: "parked", direction: "do" },
      requests: [{ event: { type: "compensated" } }],
    });
    expect((await other.sagas.follow(runId)).record.state.status).toBe("compensated");
  });

  it("writes nothing where nothing is new, though it is told to read again", async () => {
    let beats = 0;
    const through = (journal: Journal) =>
      replacing(journal, {
        heartbeat: async (runs, lease) => {
          beats++;
          const { now } = await journal.heartbeat(runs, lease);
          return { results: runs.map(() => "moved" as const), now };
        },
      });
    const answer = async ({ step: name }: { readonly step: string }) => {
      if (name === "b") await until(() => beats >= 3);
      return { kind: "done", output: null } as const;
    };
    await using world = await openScripted({ url: place.url, through, answer, leaseMs: 1000 });
    const { record } = await world.sagas.run(await readSaga(step("a"), step("b")), NEW);
    expect(record).toMatchObject({ seq: 3, state: { status: "completed" } });
  });

  it("begins nothing of a run that was claimed while the worker was told to stop", async () => {
    const stop = new AbortController();
    const through = (journal: Journal) =>
      replacing(journal, {
        claim: async (request) => {
          const claimed = await journal.claim(request);
          stop.abort();
          return claimed;
        },
      });
    await using world = await openScripted({ url: place.url, through });
    const { runId } = await world.sagas.start(await readSaga(step("a"), step("b"), step("c")), NEW);
    const events: WorkerEvent[] = [];
    const onEvent = (event: WorkerEvent) => events.push(event);
    const worker = await world.sagas.worker({ concurrency: 4, pollMs: 10, onEvent });
    await worker.work(stop.signal);
    expect(events.map(({ type }) => type)).toEqual(["claimed", "released"]);
    expect(world.sent).toEqual([]);
    expect(await world.journal.run(runId)).toMatchObject({ owner: null, state: { status: "running" } });
    await world.sagas.follow(runId);
  });
});

it("a run that has ended is not given up any more", async () => {
  const { definition } = await readSaga(step("a"));
  const state = {
    ...newRun(definition, { runId: "r", defHash: "h", input: null }),
    status: "completed" as const,
  };
  const parts = { definition, now: 0, random: () => 0 };
  expect(transition(state, { type: "given-up", message: "x" }, parts).state).toBe(state);
});
