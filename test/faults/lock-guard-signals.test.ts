import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { readProcStat } from "../../src/core/process/proc-stat.ts";
import { expectWithin } from "../support/expect-within.ts";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

const CROWD = process.env["DCS_LONG"] === "1" ? 50 : 20;

const ATTEMPTS = 5;

/** Says which signals it got, and goes on. */
const DEAF =
  "trap 'echo int' INT; trap 'echo hup' HUP; trap 'echo term' TERM; echo up; while :; do sleep 0.02; done";

describe("the guard and signals", () => {
  let box: Sandbox;
  const running: RunningDcs[] = [];

  const start = (...args: readonly string[]) => {
    const dcs = startDcs(box, ["lock", "acquire", ...args]);
    running.push(dcs);
    return dcs;
  };
  const up = async (dcs: RunningDcs) => {
    await until(() => dcs.stdout().includes("up"));
    return dcs;
  };
  const receipt = (): Record<string, unknown> => JSON.parse(readFileSync(join(box.dir, "receipt"), "utf8"));
  const state = async (name: string) => {
    const stateDir = join(box.dir, "state");
    await using locks = await openLocks({
      url: `embedded:${stateDir}/store.db`,
      timeoutMs: 10_000,
      stateDir,
    });
    return await locks.inspect(name);
  };

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

  it.each([
    ["SIGINT", "int"],
    ["SIGTERM", "term"],
    ["SIGHUP", "hup"],
  ] as const)("%s: the command is told, has its grace, is killed; the lock is free", async (signal, said) => {
    const dcs = await up(start("k", "--grace", "300ms", "--receipt", "receipt", "--", "sh", "-c", DEAF));
    dcs.process.kill(signal);
    expect(await dcs.done).toMatchObject({ code: 137, stdout: `up\n${said}\n` });
    expect(receipt()).toMatchObject({ ok: true, childExit: { signal: "SIGKILL" }, exitOrigin: "child" });
    expect(await state("k")).toBeNull();
  });

  it.each(["SIGINT", "SIGHUP"] as const)(
    "%s that ends the command: what it left in the background, deaf to that, is told to end at once",
    async (signal) => {
      // As a shell without job control starts it, and nohup.
      const background =
        "(trap '' INT HUP; trap 'echo background ended; exit' TERM; echo up; while :; do sleep 0.02; done)";
      const dcs = await up(start("k", "--ttl", "300s", "--", "sh", "-c", `${background} & exec sleep 60`));
      const told = performance.now();
      dcs.process.kill(signal);
      expect(await dcs.done).toMatchObject({
        code: signal === "SIGINT" ? 130 : 129,
        stdout: "up\nbackground ended\n",
      });
      // Its grace is 10 s.
      expectWithin(performance.now() - told, 8000);
      expect(await state("k")).toBeNull();
    },
  );

  it("hands on the signals that mean nothing to dcs", async () => {
    const names = ["USR1", "USR2", "QUIT", "WINCH"] as const;
    const traps = names.map((name) => `trap 'echo ${name}' ${name}`).join("; ");
    const dcs = await up(start("k", "--", "sh", "-c", `${traps}; ${DEAF}`));
    for (const name of names) {
      dcs.process.kill(`SIG${name}`);
      await until(() => dcs.stdout().includes(name));
    }
    dcs.process.kill("SIGTERM");
    await until(() => dcs.stdout().includes("term"));
    dcs.process.kill("SIGTERM");
    expect(await dcs.done).toMatchObject({ code: 143, stdout: `up\n${names.join("\n")}\nterm\n` });
  });

  it("stopped by Ctrl-Z it stops the command first, and lets it go on once the lock is renewed", async () => {
    const beat = "echo up; while :; do echo x >> beats; sleep 0.01; done";
    const dcs = await up(start("k", "--ttl", "6s", "--", "sh", "-c", beat));
    const beats = () => (existsSync(join(box.dir, "beats")) ? statSync(join(box.dir, "beats")).size : 0);
    await until(() => beats() > 0);
    const states = () => {
      const [child] = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(dcs.pid)], {
        encoding: "utf8",
      })
        .split("\n")
        .filter((line) => line.includes("x >> beats"));
      return [dcs.pid, Number.parseInt(child ?? "", 10)].map((pid) => readProcStat(pid)?.state);
    };
    dcs.process.kill("SIGTSTP");
    // A shell whose child was stopped between vfork and exec stands still too, in D.
    await until(() => /^T,[TD]$/.test(states().join()));
    const still = beats();
    dcs.process.kill("SIGCONT");
    await until(() => beats() > still);
    dcs.process.kill("SIGTERM");
    expect(await dcs.done).toMatchObject({ code: 143, stderr: expect.stringContaining("goes on") });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("a second %s ends dcs at once, and the watchdog ends the command", async (signal, code) => {
    const dcs = await up(start("k", "--ttl", "60s", "--", "sh", "-c", DEAF));
    dcs.process.kill(signal);
    await until(() => /int|term/.test(dcs.stdout()));
    dcs.process.kill(signal);
    // `done` waits for the end of stdout, which the command has too.
    expect((await dcs.done).code).toBe(code);
    await until(async () => (await state("k")) === null);
  });

  it("a waiter told to stop leaves the queue, writes its receipt, and never ran its command", async () => {
    const holder = await up(start("k", "--", "sh", "-c", DEAF));
    const waiter = start("k", "--wait", "forever", "--receipt", "receipt", "--", "echo", "ran");
    await until(async () => (await state("k"))?.waiters.length === 1);
    waiter.process.kill("SIGTERM");
    expect(await waiter.done).toMatchObject({ code: 143, stdout: "" });
    expect(receipt()).toMatchObject({ ok: false, error: { code: "TERMINATED" } });
    expect(await state("k")).toMatchObject({ holder: { holder: { pid: holder.pid } }, waiters: [] });
  });

  it("without its watchdog the command is stopped, and dcs says why", async () => {
    const dcs = await up(start("k", "--receipt", "receipt", "--", "sh", "-c", "echo up; sleep 30"));
    process.kill(childOf(dcs.pid, "dcs-watchdog"), "SIGKILL");
    expect(await dcs.done).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("watchdog process died"),
    });
    expect(receipt()).toMatchObject({ ok: false, lost: "unguarded", exitOrigin: "dcs" });
    expect(await state("k")).toBeNull();
  });

  it("many waiters killed at once: the one behind them gets the lock as soon as the holder is gone", async () => {
    const holder = await up(start("k", "--ttl", "60s", "--", "sh", "-c", DEAF));
    const crowd = Array.from({ length: CROWD }, () =>
      start("k", "--ttl", "60s", "--wait", "60s", "--", "true"),
    );
    await until(async () => (await state("k"))?.waiters.length === CROWD, 60_000);
    const last = start("k", "--wait", "60s", "--", "echo", "got it");
    await until(async () => (await state("k"))?.waiters.length === CROWD + 1);
    for (const waiter of crowd) waiter.process.kill("SIGKILL");
    holder.process.kill("SIGKILL");
    const killed = performance.now();
    expect(await last.done).toMatchObject({ code: 0, stdout: "got it\n" });
    expectWithin(performance.now() - killed, 5000);
  });

  it("a holder that was killed is not in the way of --wait 0", async () => {
    const dcs = await up(start("k", "--ttl", "60s", "--", "sh", "-c", DEAF));
    dcs.process.kill("SIGKILL");
    await dcs.done;
    await until(async () => (await state("k")) === null);
    expect((await start("k", "--", "true").done).code).toBe(0);
  });

  it("holds by renewal with a TTL far shorter than its own start", async () => {
    // A machine that stands still for most of such a TTL loses the lock, and rightly: before the command began, or under it.
    for (let attempt = 1; ; attempt++) {
      const ttlMs = 100 * 2 ** attempt;
      const seconds = String((4 * ttlMs) / 1000);
      const dcs = start("k", "--ttl", `${ttlMs}ms`, "--receipt", "receipt", "--", "sleep", seconds);
      const { code, stderr } = await dcs.done;
      if (attempt < ATTEMPTS && code === 3 && stderr.includes("LOCK_LOST")) continue;
      expect(code, stderr).toBe(0);
      expect(receipt()).toMatchObject({ ok: true, lost: null });
      expect(receipt()["renewals"]).toBeGreaterThan(3);
      break;
    }
  });
});

function childOf(parent: number, name: string): number {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  const words = lines.map((line) => line.trim().split(/\s+/));
  const found = words.find(([, ppid, program]) => Number(ppid) === parent && program === name);
  return Number(found?.[0]);
}
