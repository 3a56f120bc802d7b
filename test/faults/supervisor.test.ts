import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { groupAlive } from "../../src/core/process/process-group.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { expectWithin } from "../support/expect-within.ts";

const PARENT = fileURLToPath(new URL("./fixtures/supervise.ts", import.meta.url));
/** A command with a background member of its group, both deaf to SIGTERM; touches the file named by $1. */
const STUBBORN = 'trap "" TERM; touch "$1"; sleep 60 & echo "{\\"event\\":\\"running\\"}"; wait; sleep 60';

let dir = "";
let parents: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "dcs-supervise-"));
});
afterEach(() => {
  for (const parent of parents) parent.kill("SIGKILL");
  parents = [];
  rmSync(dir, { recursive: true, force: true });
});

interface Line {
  readonly event: string;
  readonly group?: number;
  readonly watchdog?: number | string;
}

/** The fixture as a process of its own, and the lines it says. */
function parentOf(...command: string[]) {
  const parent = spawn(process.execPath, [PARENT, ...command], { stdio: ["pipe", "pipe", "inherit"] });
  parents.push(parent);
  const lines: Line[] = [];
  let wake = () => {};
  createInterface({ input: parent.stdout }).on("line", (text) => {
    lines.push(JSON.parse(text));
    wake();
  });
  const said = async (event: string): Promise<Line> => {
    for (;;) {
      const line = lines.find((one) => one.event === event);
      if (line) return line;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { parent, said, tell: (line: string) => parent.stdin.write(`${line}\n`) };
}

async function until(condition: () => boolean, withinMs: number): Promise<number> {
  const start = systemClock.monotonic();
  while (!condition()) {
    if (systemClock.monotonic() - start > withinMs) throw new Error(`not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return systemClock.monotonic() - start;
}

const numbers = (line: Line) => ({ group: line.group ?? 0, watchdog: Number(line.watchdog) });
const processGone = (pid: number) => {
  try {
    process.kill(pid, 0);
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return true;
  }
};

describe("a supervised command under a watchdog", () => {
  test("kill -9 of the parent kills the whole group within 200 ms, and the watchdog goes", async () => {
    const { parent, said, tell } = parentOf("sh", "-c", STUBBORN, "sh", join(dir, "ran"));
    const { group, watchdog } = numbers(await said("started"));
    tell("open");
    await said("running");
    parent.kill("SIGKILL");
    const latency = await until(() => !groupAlive(group), 10_000);
    expectWithin(latency, 200);
    await until(() => processGone(watchdog), 10_000);
  });

  test("a parent killed before the gate opens never runs the command", async () => {
    const { parent, said } = parentOf("sh", "-c", STUBBORN, "sh", join(dir, "ran"));
    const { group, watchdog } = numbers(await said("started"));
    parent.kill("SIGKILL");
    await until(() => !groupAlive(group) && processGone(watchdog), 10_000);
    expect(existsSync(join(dir, "ran"))).toBe(false);
  });

  test("kill -9 at any moment around the opening leaves nothing running", async () => {
    for (let delay = 0; delay < 12; delay += 1) {
      const { parent, said, tell } = parentOf("sh", "-c", STUBBORN, "sh", join(dir, "ran"));
      const { group } = numbers(await said("started"));
      tell("open");
      await new Promise((resolve) => setTimeout(resolve, delay * 4));
      parent.kill("SIGKILL");
      await until(() => !groupAlive(group), 10_000);
    }
  }, 30_000);

  test("the deadline kills the group while the parent stands still", async () => {
    const { parent, said, tell } = parentOf("sh", "-c", STUBBORN, "sh", join(dir, "ran"));
    const { group } = numbers(await said("started"));
    tell("open");
    await said("running");
    tell("deadline 400");
    await said("armed");
    const armed = systemClock.monotonic();
    parent.kill("SIGSTOP");
    await until(() => !groupAlive(group), 10_000);
    const after = systemClock.monotonic() - armed;
    expect(after).toBeGreaterThan(350);
    expectWithin(after, 600);
    parent.kill("SIGCONT");
    expect(await said("finished")).toMatchObject({ signal: "SIGKILL", watchdog: "deadline" });
  });

  test("a deadline moved in time does not kill", async () => {
    const { said, tell } = parentOf("sh", "-c", 'echo "{\\"event\\":\\"running\\"}"; sleep 3.5');
    await said("started");
    // Long enough for a busy machine to start the command in it.
    tell("deadline 3000");
    tell("open");
    await said("running");
    tell("deadline 60000");
    expect(await said("finished")).toMatchObject({ code: 0, signal: null, watchdog: "done" });
  });

  test("signals that stop dcs do not stop the watchdog", async () => {
    const { parent, said, tell } = parentOf("sh", "-c", STUBBORN, "sh", join(dir, "ran"));
    const { group, watchdog } = numbers(await said("started"));
    tell("open");
    await said("running");
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(watchdog, signal);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(processGone(watchdog)).toBe(false);
    parent.kill("SIGKILL");
    await until(() => !groupAlive(group), 10_000);
  });

  test("what the command wrote before the kill is whole: no write comes after the group is gone", async () => {
    const file = join(dir, "log");
    writeFileSync(file, "");
    const script = 'echo "{\\"event\\":\\"running\\"}"; while :; do echo x >> "$1"; done';
    const { parent, said, tell } = parentOf("sh", "-c", script, "sh", file);
    const { group } = numbers(await said("started"));
    tell("open");
    await said("running");
    parent.kill("SIGKILL");
    await until(() => !groupAlive(group), 10_000);
    const size = readFileSync(file).length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readFileSync(file).length).toBe(size);
  });
});
