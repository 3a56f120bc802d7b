import { expect } from "vitest";
import type { AcquireRequest, LockDriver, LockMode } from "../../../src/core/lock/lock.ts";
import { until } from "../../support/until.ts";
import { request } from "./lock-harness.ts";

export const ALL_MODES: readonly LockMode["type"][] = ["exclusive", "shared", "slots"];

export const SHARED: LockMode = { type: "shared" };
export const FOREVER = Number.POSITIVE_INFINITY;

export function slots(count: number): LockMode {
  return { type: "slots", slots: count };
}

export function as(mode: LockMode, over: Partial<AcquireRequest> = {}): AcquireRequest {
  return request("a", { mode, ...over });
}

export async function waitersAre(locks: LockDriver, count: number): Promise<void> {
  await until(async () => (await locks.inspect("a"))?.waiters.length === count);
}

export async function refusal(promise: Promise<unknown>): Promise<{ code?: string; details?: object }> {
  return promise.then(
    () => ({}),
    (error: unknown) => error as { code?: string; details?: object },
  );
}

/** Who is inside, and what may never be seen. */
export class Room {
  readers = 0;
  writers = 0;
  most = 0;
  readonly #limit: number;

  constructor(limit = FOREVER) {
    this.#limit = limit;
  }

  async visit(mode: LockMode): Promise<void> {
    const who = mode.type === "exclusive" ? "writers" : "readers";
    this[who]++;
    this.most = Math.max(this.most, this.readers);
    expect(this.writers).toBeLessThanOrEqual(1);
    if (this.writers > 0) expect(this.readers).toBe(0);
    expect(this.readers).toBeLessThanOrEqual(this.#limit);
    await new Promise((resolve) => setTimeout(resolve, 3));
    this[who]--;
  }
}
