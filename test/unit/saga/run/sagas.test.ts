import { beforeAll, describe, expect, it } from "vitest";
import type { Journal, OperatorEvent } from "../../../../src/core/saga/journal/journal.ts";
import { JOURNALS, type TestJournal } from "../../../support/saga-journals.ts";
import { openScripted, readSaga } from "../../../support/scripted-sagas.ts";

const RETRY = "timeout: 40ms, retry: { attempts: 2, initial: 1ms, max: 2ms }";
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
  beforeAll(async () => {
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
});
