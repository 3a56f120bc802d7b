import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Call } from "../../../src/core/bench/drive/driver.ts";
import { type Lane, Lanes } from "../../../src/core/bench/drive/lanes.ts";

type Done = (error: unknown, bytes: number) => void;

/** A connection whose answers the test gives. */
class HandLane implements Lane {
  isOpen = true;
  isClosed = false;
  done: Done | null = null;

  send(done: Done): void {
    if (this.done !== null) throw new Error("two requests at a time");
    if (!this.isOpen) throw new Error("a request on a broken connection");
    this.done = done;
  }

  answer(error: unknown = null): void {
    const { done } = this;
    this.done = null;
    done?.(error, 7);
  }

  async close(): Promise<void> {
    this.isOpen = false;
    this.isClosed = true;
  }
}

class NotedCall implements Call {
  instance = 0;
  cancel: (() => void) | null = null;
  readonly said: string[] = [];
  readonly number: number;
  readonly #begun: number[];

  constructor(number: number, begun: number[]) {
    this.number = number;
    this.#begun = begun;
  }

  began(): void {
    this.#begun.push(this.number);
    this.said.push("began");
  }

  ok(bytes: number): void {
    this.said.push(`ok ${bytes}`);
  }

  failed(kind: string): void {
    this.said.push(`failed ${kind}`);
  }
}

/** Lanes whose connections open, or not, when the test says so. */
function world(connections: number | null) {
  const lanes: HandLane[] = [];
  const begun: number[] = [];
  const opening: PromiseWithResolvers<Lane>[] = [];
  const calls: NotedCall[] = [];
  const driver = new Lanes({
    connections,
    open: () => {
      const one = Promise.withResolvers<Lane>();
      opening.push(one);
      return one.promise;
    },
    failure: (error) => ({ kind: String(error), example: "" }),
  });
  return {
    driver,
    lanes,
    begun,
    opening,
    calls,
    send: () => {
      const call = new NotedCall(calls.length, begun);
      calls.push(call);
      driver.send(call);
      return call;
    },
    opens: async () => {
      const lane = new HandLane();
      const next = opening.shift();
      if (next !== undefined) lanes.push(lane);
      next?.resolve(lane);
      await settled();
      return lane;
    },
    refuses: async (why: string) => {
      opening.shift()?.reject(why);
      await settled();
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("lanes", () => {
  it("open one connection for each request that waits, and use the last again", async () => {
    const { send, opens, opening, lanes } = world(null);
    const first = send();
    const second = send();
    expect(opening).toHaveLength(2);
    await opens();
    await opens();
    lanes[0]?.answer();
    lanes[1]?.answer();
    expect([first.said, second.said]).toEqual([
      ["began", "ok 7"],
      ["began", "ok 7"],
    ]);
    send();
    expect(lanes[1]?.done).not.toBeNull();
    expect(opening).toHaveLength(0);
  });

  it("let requests wait in the order of coming once there may be no more connections", async () => {
    const { send, opens, opening, begun } = world(1);
    for (let i = 0; i < 4; i++) send();
    expect(opening).toHaveLength(1);
    const lane = await opens();
    for (let i = 0; i < 4; i++) lane.answer();
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it("give a request to a connection that is free before the one that it asked for is there", async () => {
    const { send, opens, opening, begun } = world(null);
    send();
    const lane = await opens();
    const second = send();
    expect(opening).toHaveLength(1);
    lane.answer();
    expect(begun).toEqual([0, 1]);
    lane.answer();
    expect(second.said).toEqual(["began", "ok 7"]);
    // It comes late, and is kept for the next.
    const late = await opens();
    send();
    expect(late.done).not.toBeNull();
  });

  it("fail the request that waits longest when a connection is refused, and try again for the others", async () => {
    const { send, refuses, opens, opening, calls } = world(1);
    send();
    send();
    await refuses("ECONNREFUSED");
    expect(calls.map(({ said }) => said)).toEqual([["failed ECONNREFUSED"], []]);
    expect(opening).toHaveLength(1);
    (await opens()).answer();
    expect(calls[1]?.said).toEqual(["began", "ok 7"]);
  });

  it("say what went wrong with a request, keep the connection if it is well, else drop it", async () => {
    const { send, opens, opening } = world(1);
    const refused = send();
    const lane = await opens();
    lane.answer("WRONGTYPE");
    expect(refused.said).toEqual(["began", "failed WRONGTYPE"]);
    const broken = send();
    const waiting = send();
    lane.isOpen = false;
    lane.answer("closed");
    expect(broken.said).toEqual(["began", "failed closed"]);
    expect(lane.isClosed).toBe(true);
    expect(opening).toHaveLength(1);
    (await opens()).answer();
    expect(waiting.said).toEqual(["began", "ok 7"]);
  });

  it("never use a connection that broke while it was free", async () => {
    const { send, opens, opening } = world(1);
    send();
    const lane = await opens();
    lane.answer();
    lane.isOpen = false;
    send();
    expect(lane.isClosed).toBe(true);
    expect(opening).toHaveLength(1);
  });

  it("close the connection of a request that is cancelled, and say nothing of it", async () => {
    const { send, opens, opening } = world(1);
    const cancelled = send();
    const waiting = send();
    const lane = await opens();
    cancelled.cancel?.();
    expect(lane.isClosed).toBe(true);
    lane.answer();
    expect(cancelled.said).toEqual(["began"]);
    expect(opening).toHaveLength(1);
    (await opens()).answer();
    expect(waiting.said).toEqual(["began", "ok 7"]);
  });

  it("forget a request that is cancelled while it waits", async () => {
    const { send, opens, begun } = world(1);
    send();
    send().cancel?.();
    send();
    const lane = await opens();
    lane.answer();
    expect(begun).toEqual([0, 2]);
  });

  it("close everything without a word, also what is being opened", async () => {
    const { driver, send, opens, opening, lanes, calls } = world(2);
    send();
    await opens();
    send();
    send();
    const closed = driver.close();
    lanes[0]?.answer("closed");
    const late = new HandLane();
    opening[0]?.resolve(late);
    await closed;
    expect([lanes[0]?.isClosed, late.isClosed]).toEqual([true, true]);
    expect(calls.map(({ said }) => said)).toEqual([["began"], [], []]);
  });

  it("are prepared whole, or not at all", async () => {
    const { driver, opens, refuses, opening, lanes } = world(3);
    const prepared = driver.prepare();
    prepared.catch(() => {});
    expect(opening).toHaveLength(3);
    await opens();
    await opens();
    await refuses("too many connections");
    await expect(prepared).rejects.toBe("too many connections");
    expect(lanes.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it("end each request once, never cross the limit, and keep the order, whatever happens", async () => {
    const step = fc.record({
      what: fc.constantFrom(
        "send",
        "send",
        "send",
        "open",
        "open",
        "refuse",
        "answer",
        "answer",
        "break",
        "cancel",
      ),
      which: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.option(fc.integer({ min: 1, max: 4 })),
        fc.array(step, { maxLength: 60 }),
        async (most, steps) => {
          const { driver, send, opens, refuses, opening, lanes, calls, begun } = world(most);
          const cancelled = new Set<NotedCall>();
          for (const { what, which } of steps) {
            const lane = lanes[which % lanes.length];
            const call = calls[which % calls.length];
            if (what === "send") send();
            else if (what === "open") await opens();
            else if (what === "refuse") await refuses("refused");
            else if (what === "answer") lane?.answer();
            else if (what === "break" && lane !== undefined) {
              lane.isOpen = false;
              lane.answer("closed");
            } else if (what === "cancel" && call !== undefined && !isOver(call)) {
              cancelled.add(call);
              call.cancel?.();
            }
            const open = lanes.filter(({ isClosed }) => !isClosed).length + opening.length;
            expect(open).toBeLessThanOrEqual(most ?? Number.POSITIVE_INFINITY);
          }
          while (calls.some((call) => !isOver(call) && !cancelled.has(call))) {
            if (opening.length > 0) await opens();
            for (const lane of lanes) lane.answer();
          }
          for (const call of calls) {
            const ends = call.said.filter((said) => said !== "began").length;
            expect(ends).toBe(cancelled.has(call) ? 0 : 1);
          }
          expect(begun).toEqual(begun.toSorted((a, b) => a - b));
          const closed = driver.close();
          for (const one of opening) one.resolve(new HandLane());
          await closed;
          expect(lanes.every(({ isClosed }) => isClosed)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});

function isOver({ said }: NotedCall): boolean {
  return said.some((each) => each !== "began");
}
