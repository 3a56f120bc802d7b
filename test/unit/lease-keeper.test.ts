import { describe, expect, it } from "vitest";
import { LeaseKeeper, type LeaseLoss } from "../../src/core/lease/keeper.ts";
import { FakeClock } from "../support/fake-clock.ts";

const GONE = new Error("gone");

function keep(clock: FakeClock, renew: () => Promise<{ ttlMs: number }>) {
  const renewed: number[] = [];
  const doubts: unknown[] = [];
  const keeper = new LeaseKeeper({
    ttlMs: 3000,
    deadline: clock.monotonic() + 3000,
    renew,
    isGone: (error) => error === GONE,
    clock,
    random: () => 0,
    onRenewed: (deadline) => renewed.push(deadline),
    onDoubt: (error) => doubts.push(error),
  });
  let loss: LeaseLoss | null = null;
  void keeper.lost.then((why) => {
    loss = why;
  });
  keeper.start();
  return { keeper, renewed, doubts, loss: () => loss };
}

describe("the lease keeper", () => {
  it("renews at a third of the TTL, and counts the deadline from when it sent", async () => {
    const clock = new FakeClock();
    const start = clock.monotonic();
    const { keeper, renewed } = keep(clock, async () => {
      await clock.delay(200);
      return { ttlMs: 3000 };
    });
    await clock.advance(999);
    expect(renewed).toEqual([]);
    await clock.advance(201);
    expect(renewed).toEqual([start + 1000 + 3000]);
    expect(keeper.deadline).toBe(start + 4000);
    await clock.advance(1000);
    expect(renewed).toEqual([start + 4000, start + 5000]);
    keeper.stop();
  });

  it("tries again with back-off, and loses it at the deadline", async () => {
    const clock = new FakeClock();
    const { doubts, loss } = keep(clock, () => Promise.reject(new Error("no answer")));
    await clock.advance(2990);
    expect(doubts.length).toBeGreaterThan(3);
    expect(doubts.length).toBeLessThan(20);
    expect(loss()).toBeNull();
    await clock.advance(10);
    expect(loss()).toMatchObject({ reason: "expired", cause: new Error("no answer") });
  });

  it("loses it at the deadline when a renewal never answers", async () => {
    const clock = new FakeClock();
    const { loss } = keep(clock, () => new Promise(() => {}));
    await clock.advance(3000);
    expect(loss()).toMatchObject({ reason: "expired" });
  });

  it("recovers when a renewal succeeds in time", async () => {
    const clock = new FakeClock();
    let calls = 0;
    const { renewed, loss, keeper } = keep(clock, () =>
      ++calls < 4 ? Promise.reject(new Error("later")) : Promise.resolve({ ttlMs: 3000 }),
    );
    await clock.advance(2900);
    expect(renewed.length).toBeGreaterThan(0);
    await clock.advance(3000);
    expect(loss()).toBeNull();
    keeper.stop();
  });

  it("loses it at once when the backend says it is gone", async () => {
    const clock = new FakeClock();
    const { loss } = keep(clock, () => Promise.reject(GONE));
    await clock.advance(1000);
    expect(loss()).toEqual({ reason: "gone", cause: GONE });
  });

  it("loses it when the machine was suspended past the TTL, though the monotonic clock stood still", async () => {
    const clock = new FakeClock();
    const { loss } = keep(clock, () => new Promise(() => {}));
    await clock.advance(500);
    clock.suspend(10_000);
    await clock.advance(1000);
    expect(loss()).toMatchObject({ reason: "expired" });
  });

  it("is silent after stop", async () => {
    const clock = new FakeClock();
    const { keeper, renewed, loss } = keep(clock, () => Promise.resolve({ ttlMs: 3000 }));
    keeper.stop();
    await clock.advance(10_000);
    expect(renewed).toEqual([]);
    expect(loss()).toBeNull();
  });
});
