import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LockAsk } from "../../src/core/lock/lock.ts";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { isDead, readProcStat } from "../../src/core/process/proc-stat.ts";
import { expectWithin } from "../support/expect-within.ts";
import { standsStill } from "../support/halt.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { ready, scene } from "../support/scene.ts";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

/** Proves that it lives by writing as fast as it can; ends when told by a file. */
const BEAT = 'echo "pid $$"; while [ ! -e stop ]; do echo x >> beats; sleep 0.01; done; exit 6';

/** An orphan stays a zombie where nobody reaps it. */
function hasEnded(pid: number): boolean {
  const stat = readProcStat(pid);
  return stat === null || isDead(stat);
}

/** A backend that can go away and come back. */
interface Place extends AsyncDisposable {
  readonly box: Sandbox;
  /** What dcs is told. */
  readonly flags: readonly string[];
  /** What the test uses, past the fault. */
  readonly url: string;
  fail(): void;
  mend(): void;
}

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

const PLACES: readonly (readonly [string, () => Promise<Place>])[] = [
  [
    "embedded",
    async () => {
      const box = sandbox();
      let rival: DatabaseSync | null = null;
      const mend = () => {
        rival?.close();
        rival = null;
      };
      return {
        box,
        flags: [],
        url: `embedded:${box.dir}/state/store.db`,
        fail() {
          rival = new DatabaseSync(`${box.dir}/state/store.db`, { timeout: 2000 });
          rival.exec("BEGIN IMMEDIATE");
        },
        mend,
        async [Symbol.asyncDispose]() {
          mend();
          box[Symbol.dispose]();
        },
      };
    },
  ],
  [
    "redis",
    async () => {
      const box = sandbox();
      const proxy = await FaultyProxy.start(redis.port);
      return {
        box,
        flags: ["--locks", `redis://127.0.0.1:${proxy.port}`],
        url: redis.url,
        fail() {
          proxy.mode = "black-hole";
        },
        mend() {
          proxy.mode = "pass";
          proxy.cut();
        },
        async [Symbol.asyncDispose]() {
          await proxy[Symbol.asyncDispose]();
          box[Symbol.dispose]();
        },
      };
    },
  ],
];

describe.each(PLACES)("the guard in doubt, on %s", (kind, open) => {
  const names = { count: 0 };
  const begin = (place: Place, seconds: number, ...rest: string[]) =>
    scene(async (patience) => {
      const ttlMs = seconds * 1000 * patience;
      const name = `${kind}-${names.count++}`;
      const words = [
        "lock",
        "acquire",
        name,
        ...place.flags,
        "--ttl",
        `${ttlMs}ms`,
        "--receipt",
        "receipt",
        ...rest,
      ];
      const dcs = startDcs(place.box, words);
      await ready(dcs, () => /pid \d+/.test(dcs.stdout()));
      return { name, dcs, ttlMs, pid: Number(/pid (\d+)/.exec(dcs.stdout())?.[1]) };
    });
  const read = (place: Place, file: string) => {
    try {
      return readFileSync(join(place.box.dir, file), "utf8");
    } catch {
      return "";
    }
  };
  const receipt = (place: Place): Record<string, unknown> => JSON.parse(read(place, "receipt"));
  const beats = (place: Place) => read(place, "beats").length;
  const locksOf = (place: Place) =>
    openLocks({ url: place.url, timeoutMs: 10_000, stateDir: join(place.box.dir, "state") });
  const stop = async (dcs: RunningDcs) => {
    dcs.process.kill("SIGKILL");
    await dcs.done;
  };

  it.concurrent("freeze: the command stands still, and goes on under the same hold", async () => {
    await using place = await open();
    const { name, dcs, pid } = await begin(place, 15, "--on-doubt", "freeze", "--", "sh", "-c", BEAT);
    try {
      await using locks = await locksOf(place);
      const before = (await locks.inspect(name))?.holder;
      place.fail();
      await until(() => standsStill(pid));
      const still = beats(place);
      // A third of the TTL is left for it.
      place.mend();
      await ready(dcs, () => beats(place) > still);
      expect((await locks.inspect(name))?.holder).toMatchObject({
        lease: before?.lease,
        fence: before?.fence,
      });
      writeFileSync(join(place.box.dir, "stop"), "");
      expect((await dcs.done).code).toBe(6);
      expect(receipt(place)).toMatchObject({ ok: true, heldThroughout: true, lost: null });
      expect(receipt(place)["frozenMs"]).toBeGreaterThan(0);
      expect(dcs.stderr()).toContain("stands still");
    } finally {
      await stop(dcs);
    }
  });

  it.concurrent("freeze: nothing comes back, and the command dies before the deadline", async () => {
    await using place = await open();
    const { name, dcs, ttlMs, pid } = await begin(place, 6, "--on-doubt", "freeze", "--", "sh", "-c", BEAT);
    try {
      place.fail();
      const cut = performance.now();
      await until(() => standsStill(pid));
      const still = beats(place);
      await until(() => hasEnded(pid));
      expectWithin(performance.now() - cut, ttlMs);
      expect(beats(place)).toBe(still);
      expect((await dcs.done).code).toBe(3);
      expect(receipt(place)).toMatchObject({
        ok: false,
        name,
        heldThroughout: false,
        lost: "expired",
        childExit: { signal: "SIGKILL" },
        error: { code: "LOCK_LOST" },
      });
    } finally {
      await stop(dcs);
    }
  });

  it.concurrent("freeze: dcs itself stands still, and the watchdog kills what is frozen or not", async () => {
    await using place = await open();
    const { dcs, ttlMs, pid } = await begin(place, 6, "--on-doubt", "freeze", "--", "sh", "-c", BEAT);
    try {
      dcs.process.kill("SIGSTOP");
      const stopped = performance.now();
      await until(() => hasEnded(pid));
      expectWithin(performance.now() - stopped, ttlMs + 500);
      dcs.process.kill("SIGCONT");
      expect((await dcs.done).code).toBe(3);
    } finally {
      await stop(dcs);
    }
  });

  it.concurrent("ignore: the command goes on past the deadline, and the receipt says so", async () => {
    await using place = await open();
    const script = "echo pid $$; while [ ! -e stop ]; do sleep 0.1; done; echo through; exit 4";
    const { dcs } = await begin(place, 2, "--on-doubt", "ignore", "--", "sh", "-c", script);
    try {
      place.fail();
      await ready(dcs, () => dcs.stderr().includes("goes on without it"));
      writeFileSync(join(place.box.dir, "stop"), "");
      const exit = await dcs.done;
      expect(exit.stdout).toContain("through");
      expect(exit.code).toBe(3);
      expect(receipt(place)).toMatchObject({
        ok: false,
        heldThroughout: false,
        lost: "expired",
        childExit: { code: 4 },
        exitOrigin: "dcs",
      });
    } finally {
      await stop(dcs);
    }
  });

  it.concurrent("ignore: kill -9 of dcs ends the command all the same", async () => {
    await using place = await open();
    const { dcs, pid } = await begin(place, 60, "--on-doubt", "ignore", "--", "sh", "-c", BEAT);
    const killed = performance.now();
    await stop(dcs);
    await until(() => hasEnded(pid));
    expectWithin(performance.now() - killed, 1500);
  });

  it.concurrent("asked for the lock: the command is told, the lock is released, and everybody knows why", async () => {
    await using place = await open();
    const script = "trap 'echo told; exit 0' TERM; echo pid $$; while :; do sleep 0.02; done";
    const { name, dcs } = await begin(place, 30, "--reason", "nightly", "--", "sh", "-c", script);
    try {
      await using locks = await locksOf(place);
      const seen = (await locks.inspect(name))?.holder;
      if (seen === undefined) throw new Error("nobody holds it");
      await until(async () => (await locks.notes.history(name)).length === 1);
      expect(await locks.notes.history(name)).toMatchObject([
        { fence: seen.fence, reason: "nightly", endedAt: null, end: null },
      ]);
      const by = { host: "desk", pid: 77, command: "dcs lock break" };
      const ask: LockAsk = { verb: "break", reason: "schema change", by, at: Date.now() };
      expect(await locks.notes.ask(name, seen, ask)).toBe(true);
      const exit = await dcs.done;
      expect(exit).toMatchObject({ code: 3, stdout: expect.stringMatching(/told\n$/) });
      expect(exit.stderr).toMatch(/LOCK_LOST: .*desk pid 77 asked for it \("schema change"\)/);
      expect(receipt(place)).toMatchObject({
        ok: false,
        heldThroughout: true,
        lost: "asked",
        ask: { verb: "break", reason: "schema change", host: "desk", pid: 77 },
        releasedAt: expect.any(String),
        childExit: { code: 0 },
        error: { code: "LOCK_LOST" },
      });
      expect(await locks.inspect(name)).toBeNull();
      expect(await locks.notes.history(name)).toMatchObject([
        { fence: seen.fence, end: "broken", endedAt: expect.any(Number), ask: { reason: "schema change" } },
      ]);
    } finally {
      await stop(dcs);
    }
  });
});
