import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runGuarded } from "../../src/core/lock/guard.ts";
import type { GuardEvent, GuardOptions } from "../../src/core/lock/guard-options.ts";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { currentHolder } from "../../src/core/process/identity.ts";
import { type Clock, systemClock } from "../../src/core/util/clock.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";

/** Timers that are so many times as slow: what is to happen 300 ms later does not while a test looks, or at once. */
function paced(factor: number): Clock {
  return { ...systemClock, timer: (ms, fn) => systemClock.timer(ms * factor, fn) };
}

const box = sandboxPerTest();
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

const onRedis = () => ({ url: redis.url, timeoutMs: 10_000, stateDir: box.dir });
const onFile = () => ({ url: `embedded:${box.dir}/store.db`, timeoutMs: 10_000, stateDir: box.dir });

function guarded(
  locks: GuardOptions["locks"],
  script: string,
  more: Partial<Pick<GuardOptions, "clock" | "onEvent" | "onDoubt">> & { readonly ttlMs?: number } = {},
) {
  const { ttlMs = 60_000, ...rest } = more;
  return runGuarded({
    locks,
    request: { name: "k", ttlMs, waitMs: 0, holder: currentHolder("test") },
    command: "sh",
    args: ["-c", script],
    env: process.env,
    ...rest,
  });
}

let looks = 0;

/** How often anybody has connected to the server, this look left out. */
async function connections(): Promise<number> {
  const info = await new Promise<string>((resolve, reject) => {
    const socket = connect(redis.port, "127.0.0.1", () => socket.write("INFO stats\r\n"));
    socket.once("error", reject);
    socket.setEncoding("latin1").once("data", (text: string) => {
      socket.destroy();
      resolve(text);
    });
  });
  looks += 1;
  return Number(/total_connections_received:(\d+)/.exec(info)?.[1]) - looks;
}

async function connectionsDuring(work: () => Promise<unknown>): Promise<number> {
  const before = await connections();
  await work();
  return (await connections()) - before;
}

describe("the guard's thread", () => {
  it("is not there, nor is its connection, for a command that is over before it is due", async () => {
    const without = await connectionsDuring(() => guarded(onRedis(), "true", { clock: paced(1000) }));
    // A TTL that leaves no time to connect later.
    const withThread = await connectionsDuring(() => guarded(onRedis(), "true", { ttlMs: 2000 }));
    expect(without).toBeGreaterThan(0);
    expect(withThread).toBeGreaterThan(without);
  });

  it("begins while the command goes on, and renews", async () => {
    const renewed = join(box.dir, "renewed");
    const outcome = await guarded(onRedis(), `until test -e "${renewed}"; do sleep 0.02; done`, {
      ttlMs: 3500,
      onEvent: (event) => {
        if (event.type === "renewed") writeFileSync(renewed, "");
      },
    });
    expect(outcome).toMatchObject({ exit: { code: 0 }, lost: null, heldThroughout: true });
    expect(outcome.renewals).toBeGreaterThan(0);
  });

  it("sees what became of the lock before it began", async () => {
    const began = join(box.dir, "began");
    const events: GuardEvent["type"][] = [];
    const outcome = await guarded(onFile(), `touch "${began}"; sleep 30`, {
      onEvent: ({ type }) => {
        events.push(type);
        if (type !== "started") return;
        using db = new DatabaseSync(join(box.dir, "store.db"), { timeout: 5000 });
        db.exec("DELETE FROM lease; DELETE FROM kv");
      },
    });
    // Long before the first renewal, which is due after 20 s.
    expect(outcome).toMatchObject({ lost: "gone", heldThroughout: false, renewals: 0 });
    expect(events).toEqual(["acquired", "started", "lost", "exited"]);
  });

  it("does not say that it held when the end of the command is heard after the deadline, before any timer", async () => {
    // No renewal, and nobody who kills: as when all stood still, and the command went on first.
    const outcome = await guarded(onRedis(), "sleep 4; exit 9", {
      clock: paced(1000),
      ttlMs: 3500,
      onDoubt: "ignore",
    });
    expect(outcome).toMatchObject({ exit: { code: 9 }, renewals: 0, lost: "expired", heldThroughout: false });
  });

  it.each([0.002, 0.05, 0.2, 0.5, 1])(
    "is no hindrance to a command that ends while it starts or connects (%d of the delay)",
    async (factor) => {
      const outcome = await guarded(onRedis(), "sleep 0.15", {
        clock: paced(factor),
        // The deadline comes sooner too.
        ttlMs: 36_000_000,
      });
      expect(outcome).toMatchObject({ lost: null, heldThroughout: true, releasedAt: expect.any(Number) });
      await using locks = await openLocks(onRedis());
      expect(await locks.inspect("k")).toBeNull();
    },
  );
});
