import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import { expectWithin } from "../support/expect-within.ts";
import { ready, scene } from "../support/scene.ts";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

/** What each holder's command does: note begin and end with the fence, in between an increment that a race would lose. */
const INCREMENT = `
echo "begin $DCS_LOCK_FENCE" >> log
n=$(cat counter)
sleep 0.0$(( $$ % 3 ))
echo $((n + 1)) > counter
echo "end $DCS_LOCK_FENCE" >> log
`;

describe("the guard", () => {
  let box: Sandbox;
  const running: RunningDcs[] = [];

  const start = (args: readonly string[], env?: Readonly<Record<string, string>>) => {
    const dcs = startDcs(box, args, env);
    running.push(dcs);
    return dcs;
  };
  const file = (name: string) => {
    try {
      return readFileSync(join(box.dir, name), "utf8");
    } catch {
      return "";
    }
  };
  const lines = (name: string) => file(name).split("\n").filter(Boolean);
  const storeUrl = () => `embedded:${box.dir}/state/store.db`;
  const open = () => ({ timeoutMs: 10_000, stateDir: join(box.dir, "state") });

  beforeEach(() => {
    box = sandbox();
  });

  afterEach(async () => {
    for (const dcs of running.splice(0)) {
      dcs.process.kill("SIGCONT");
      dcs.process.kill("SIGKILL");
      await dcs.done;
    }
    box[Symbol.dispose]();
  });

  it("loses no increment among 50 processes, with fences that rise", async () => {
    writeFileSync(join(box.dir, "counter"), "0\n");
    const args = [
      "lock",
      "acquire",
      "counter",
      "--ttl",
      "60s",
      "--wait",
      "forever",
      "--",
      "sh",
      "-c",
      INCREMENT,
    ];
    const all = Array.from({ length: 50 }, () => start(args));
    const exits = await Promise.all(all.map((dcs) => dcs.done));
    expect(exits.map((exit) => [exit.code, exit.stderr])).toEqual(exits.map(() => [0, expect.any(String)]));
    expect(file("counter").trim()).toBe("50");
    const fences = lines("log")
      .filter((line) => line.startsWith("begin"))
      .map((line) => Number(line.split(" ")[1]));
    expect(fences).toEqual([...fences].sort((a, b) => a - b));
    expect(new Set(fences).size).toBe(50);
  });

  it("when dcs alone is killed -9, its command dies before the next holder's starts", async () => {
    // The command proves that it lives by writing as fast as it can.
    const beat = `i=0; while :; do echo "$DCS_LOCK_FENCE" >> beats; i=$((i+1)); done`;
    const args = (script: string) => [
      "lock",
      "acquire",
      "k",
      "--ttl",
      "30s",
      "--wait",
      "forever",
      "--",
      "sh",
      "-c",
      script,
    ];
    for (let round = 0; round < 3; round++) {
      const before = lines("beats").length;
      const victim = start(args(beat));
      await until(() => lines("beats").length > before + 10);
      const next = start(args(`wc -l < beats > seen; sleep 0.3; wc -l < beats > later`));
      await until(async () => (await inspect("k"))?.waiters.length === 1);
      victim.process.kill("SIGKILL");
      const started = performance.now();
      expect((await next.done).code).toBe(0);
      // Nobody wrote after the next holder began: the count did not move while it held the lock.
      expect(file("later").trim()).toBe(file("seen").trim());
      // A crash is seen, not waited for: well below the TTL.
      expectWithin(performance.now() - started, 2500);
    }
  });

  it("when dcs stands still past its TTL, the watchdog kills the command before the lock is given away", async () => {
    const beat = `while :; do echo x >> beats; done`;
    const args = (ttl: string, script: string) => [
      ...["lock", "acquire", "k", "--ttl", ttl, "--wait", "forever", "--", "sh", "-c", script],
    ];
    const { victim, next } = await scene(async (patience) => {
      rmSync(join(box.dir, "beats"), { force: true });
      const victim = start(args(`${3 * patience}s`, beat));
      await ready(victim, () => lines("beats").length > 10);
      const next = start(args("30s", `wc -l < beats > seen; sleep 0.3; wc -l < beats > later`));
      try {
        await ready(victim, async () => (await inspect("k"))?.waiters.length === 1);
      } catch (error) {
        next.process.kill("SIGKILL");
        await next.done;
        throw error;
      }
      return { victim, next };
    });
    victim.process.kill("SIGSTOP");
    expect((await next.done).code).toBe(0);
    expect(file("later").trim()).toBe(file("seen").trim());
    victim.process.kill("SIGCONT");
    const exit = await victim.done;
    expect(exit.code).toBe(3);
    expect(exit.stderr).toContain("LOCK_LOST");
  });

  it("when the lock's lease is revoked, stops the command at once, and exits 3", async () => {
    const dcs = start([
      "lock",
      "acquire",
      "k",
      "--ttl",
      "30s",
      "--receipt",
      "receipt",
      "--events",
      "events",
      "--",
      "sh",
      "-c",
      "trap 'echo told; exit 0' TERM; echo up; while :; do sleep 0.05; done",
    ]);
    await until(() => dcs.stdout().includes("up"));
    const state = await inspect("k");
    await using store = await openStore(storeUrl(), open());
    const revoked = performance.now();
    await store.revoke(state?.holder.lease ?? "");
    const exit = await dcs.done;
    expectWithin(performance.now() - revoked, 2000);
    expect(exit).toMatchObject({ code: 3 });
    expect(exit.stdout).toBe("up\ntold\n");
    expect(exit.stderr).toContain("LOCK_LOST");
    expect(JSON.parse(file("receipt"))).toMatchObject({
      schema: "dcs.lock.receipt/1",
      ok: false,
      heldThroughout: false,
      lost: "gone",
      exitOrigin: "dcs",
      childExit: { code: 0 },
    });
    const events = lines("events").map((line) => (JSON.parse(line) as { event: string }).event);
    expect(events).toEqual(["acquired", "started", "lost", "exited"]);
  });

  it("when the store stays locked by another writer, kills a stubborn command before the TTL ends", async () => {
    const { dcs, ttlMs } = await scene(async (patience) => {
      const ttlMs = 6000 * patience;
      const stubborn = "trap '' TERM; echo up; while :; do echo x >> beats; sleep 0.01; done";
      const dcs = start(["lock", "acquire", "k", "--ttl", `${ttlMs}ms`, "--", "sh", "-c", stubborn]);
      await ready(dcs, () => dcs.stdout().includes("up"));
      return { dcs, ttlMs };
    });
    const { DatabaseSync } = await import("node:sqlite");
    const rival = new DatabaseSync(`${box.dir}/state/store.db`, { timeout: 2000 });
    rival.exec("BEGIN IMMEDIATE");
    const cut = performance.now();
    const exit = await dcs.done;
    const took = performance.now() - cut;
    rival.exec("ROLLBACK");
    rival.close();
    expect(exit.code).toBe(3);
    expectWithin(took, ttlMs + 100);
    // Not at the first renewal that failed.
    expect(took).toBeGreaterThan(0.35 * ttlMs);
    const beats = lines("beats").length;
    expect(lines("beats").length).toBe(beats);
  });

  it("passes the command's exit status, output and stdin through, and releases", async () => {
    const dcs = start(
      [
        "lock",
        "acquire",
        "a/b c",
        "--receipt",
        "receipt",
        "--",
        "sh",
        "-c",
        'echo "$DCS_LOCK_NAME"; echo err >&2; exit 7',
      ],
      {
        DCS_LOCK_FENCE: "inherited",
      },
    );
    const exit = await dcs.done;
    expect(exit).toMatchObject({ code: 7, stdout: "a/b c\n", stderr: "err\n" });
    expect(JSON.parse(file("receipt"))).toMatchObject({
      ok: true,
      heldThroughout: true,
      exitOrigin: "child",
      childExit: { code: 7 },
    });
    expect(await inspect("a/b c")).toBeNull();
  });

  it("passes SIGTERM on, waits for the command, and releases", async () => {
    const dcs = start([
      "lock",
      "acquire",
      "k",
      "--",
      "sh",
      "-c",
      "trap 'sleep 0.2; echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done",
    ]);
    await until(() => dcs.stdout().includes("up"));
    dcs.process.kill("SIGTERM");
    expect(await dcs.done).toMatchObject({ code: 5, stdout: "up\nbye\n" });
    expect(await inspect("k")).toBeNull();
  });

  it("leaves no process of the command behind when the command ends", async () => {
    const dcs = start([
      "lock",
      "acquire",
      "k",
      "--",
      "sh",
      "-c",
      "(while :; do echo x >> beats; sleep 0.01; done) & sleep 0.1",
    ]);
    expect((await dcs.done).code).toBe(0);
    const beats = lines("beats").length;
    expect(beats).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(lines("beats").length).toBe(beats);
  });

  it.each([
    ["a command that does not exist", ["no-such-command-at-all"], 127, "COMMAND_NOT_FOUND"],
    ["a file that is not executable", ["./plain"], 126, "COMMAND_NOT_EXECUTABLE"],
  ])("does not take the lock for %s", async (_what, command, code, errorCode) => {
    writeFileSync(join(box.dir, "plain"), "data");
    const exit = await start(["lock", "acquire", "k", "--", ...command]).done;
    expect(exit.code).toBe(code);
    expect(exit.stderr).toContain(errorCode);
    expect(await inspect("k")).toBeNull();
  });

  it("maps its own failures to --error-exit, never the command's", async () => {
    await using locks = await openLocks({ url: storeUrl(), ...open() });
    await locks.acquire({
      name: "k",
      ttlMs: 60_000,
      waitMs: 0,
      holder: { host: "h", pid: 1, command: "c" },
      detached: true,
    });
    expect((await start(["lock", "acquire", "k", "--error-exit", "111", "--", "true"]).done).code).toBe(111);
    expect(
      (await start(["lock", "acquire", "free", "--error-exit", "111", "--", "sh", "-c", "exit 3"]).done).code,
    ).toBe(3);
  });

  async function inspect(name: string) {
    await using locks = await openLocks({ url: storeUrl(), ...open() });
    return await locks.inspect(name);
  }
});
