import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { exitStatus } from "../../src/core/process/exit-status.ts";
import { readProcStat } from "../../src/core/process/proc-stat.ts";
import { groupAlive } from "../../src/core/process/process-group.ts";
import type { Supervised } from "../../src/core/process/supervisor.ts";
import { Watchdog } from "../../src/core/process/watchdog.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { expectWithin } from "../support/expect-within.ts";
import { supervisedPerTest } from "./kit/supervised.ts";

const { sh, path } = supervisedPerTest();

/** Waits for the first output of the child. */
async function ready(child: Supervised): Promise<void> {
  await new Promise((resolve) => child.stdout?.once("data", resolve));
}

async function timed(work: Promise<unknown>): Promise<number> {
  const start = systemClock.monotonic();
  await work;
  return systemClock.monotonic() - start;
}

describe("the end of a command", () => {
  test.each([
    ["exit 0", { code: 0, signal: null }, 0],
    ["exit 7", { code: 7, signal: null }, 7],
    ["kill -TERM $$", { code: null, signal: "SIGTERM" }, 143],
    ["kill -KILL $$", { code: null, signal: "SIGKILL" }, 137],
  ])("%s", async (script, expected, status) => {
    const child = await sh(script, { watchdog: true });
    await child.open();
    const { exit, groupGone } = await child.finished;
    expect(exit).toEqual(expected);
    expect(exitStatus(exit)).toBe(status);
    expect(groupGone).toBe(true);
    expect(await child.watchdogEnded).toBe("done");
  });

  test("members left behind are stopped before it counts as finished", async () => {
    const member =
      '(trap "echo stopped >> $FILE; exit" TERM; echo ready >> $FILE; while :; do sleep 0.05; done)';
    const child = await sh(`${member} & until test -s $FILE; do sleep 0.01; done; exit 5`, {
      env: { ...process.env, FILE: path("log") },
      watchdog: true,
    });
    await child.open();
    expect((await child.finished).exit.code).toBe(5);
    expect(groupAlive(child.group)).toBe(false);
    expect(readFileSync(path("log"), "utf8")).toBe("ready\nstopped\n");
  });

  test("members left behind that are deaf to SIGTERM are killed after the grace", async () => {
    const child = await sh('(trap "" TERM; sleep 30) & sleep 0.1; exit 0', {
      graceMs: 100,
      stdio: ["ignore", "ignore", "ignore"],
    });
    await child.open();
    await child.exited;
    expectWithin(await timed(child.finished), 1000);
    expect(groupAlive(child.group)).toBe(false);
  });

  test('with leftovers: "leave" they go on', async () => {
    const child = await sh("sleep 30 & exit 0", {
      leftovers: "leave",
      stdio: ["ignore", "ignore", "ignore"],
    });
    await child.open();
    expect(await child.finished).toEqual({ exit: { code: 0, signal: null }, groupGone: false });
    expect(groupAlive(child.group)).toBe(true);
    process.kill(-child.group, "SIGKILL");
  });
});

describe("stop", () => {
  test("ends at SIGTERM, the whole group, well before the grace", async () => {
    const child = await sh("sleep 30 & echo; wait", { watchdog: true });
    const started = ready(child);
    await child.open();
    await started;
    expectWithin(await timed(child.stop({ graceMs: 5000 })), 500);
    expect((await child.finished).exit.signal).toBe("SIGTERM");
    expect(groupAlive(child.group)).toBe(false);
  });

  test("kills a group deaf to SIGTERM after the grace", async () => {
    const child = await sh('trap "" TERM; echo; sleep 30');
    const started = ready(child);
    await child.open();
    await started;
    const took = await timed(child.stop({ graceMs: 200 }));
    expect(took).toBeGreaterThan(190);
    expectWithin(took, 700);
    expect((await child.finished).exit.signal).toBe("SIGKILL");
  });

  test("kills at killBy even if the grace is longer, also when that is said later", async () => {
    const child = await sh('trap "" TERM; echo; sleep 30');
    const started = ready(child);
    await child.open();
    await started;
    const stopping = child.stop({ graceMs: 60_000 });
    expectWithin(await timed(child.stop({ killBy: systemClock.monotonic() + 100 })), 600);
    expect(await stopping).toBe(true);
  });

  test("kills a frozen group at once; it never runs again", async () => {
    const child = await sh(`trap "echo ran >> ${path("log")}" TERM; echo; while :; do :; done`);
    const started = ready(child);
    await child.open();
    await started;
    child.freeze();
    await expect.poll(() => readProcStat(child.pid)?.state).toBe("T");
    expectWithin(await timed(child.stop()), 500);
    expect(() => readFileSync(path("log"))).toThrow();
  });

  test("thaw lets a frozen group go on", async () => {
    const child = await sh("echo; sleep 0.1; exit 3");
    const started = ready(child);
    await child.open();
    await started;
    child.freeze();
    expect(child.frozen).toBe(true);
    child.thaw();
    expect((await child.finished).exit.code).toBe(3);
  });

  test("before the gate opens, nothing runs", async () => {
    const child = await sh(`touch ${path("ran")}`, { watchdog: true });
    await child.stop();
    await child.open();
    await child.finished;
    expect(() => readFileSync(path("ran"))).toThrow();
  });

  test("again, and a signal, after the end do nothing", async () => {
    const child = await sh("exit 0");
    await child.open();
    await child.finished;
    expect(await child.stop()).toBe(true);
    expect(child.signal("SIGTERM")).toBe(false);
  });
});

describe("the watchdog", () => {
  test("one started early is used", async () => {
    const watchdog = Watchdog.start();
    const child = await sh("sleep 30", { watchdog });
    expect(child.watchdog).toBe(watchdog);
    child.arm(systemClock.monotonic() + 100);
    await child.open();
    const order: string[] = [];
    void child.watchdogEnded.then((end) => order.push(end));
    expect((await child.finished).exit.signal).toBe("SIGKILL");
    order.push("finished");
    expect(order).toEqual(["deadline", "finished"]);
  });

  test("its death is told", async () => {
    const child = await sh("sleep 30", { watchdog: true });
    await child.open();
    process.kill(child.watchdog?.pid ?? 0, "SIGKILL");
    expect(await child.watchdogEnded).toBe("died");
    expect(child.arm(systemClock.monotonic() + 1000)).toBe(false);
    expect(groupAlive(child.group)).toBe(true);
  });

  test("its death before the opening is WATCHDOG_LOST, and nothing runs", async () => {
    const watchdog = Watchdog.start();
    process.kill(watchdog.pid, "SIGKILL");
    await watchdog.ended;
    const child = await sh(`touch ${path("ran")}`, { watchdog });
    await expect(child.open()).rejects.toMatchObject({ code: "WATCHDOG_LOST" });
    await child.finished;
    expect(() => readFileSync(path("ran"))).toThrow();
  });

  test("its descriptor stays ours when it dies, so that a thread writes into nothing else", async () => {
    const watchdog = Watchdog.start();
    const { fd } = watchdog;
    process.kill(watchdog.pid, "SIGKILL");
    await watchdog.ended;
    expect(() => readFileSync(`/proc/self/fdinfo/${fd}`)).not.toThrow();
    watchdog[Symbol.dispose]();
  });
});
