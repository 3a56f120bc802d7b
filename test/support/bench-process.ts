import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { BenchPlan } from "../../src/core/bench/bench-plan.ts";
import { until } from "./until.ts";

const SCRIPT = fileURLToPath(new URL("../integration/fixtures/bench-drive.ts", import.meta.url));

/**
 * Drives the plan's target from a process of its own, calls `before` while requests are under way, then stops it. Resolves with how
 * long the process took to end after the driver was closed, ms; fails when it does not end within 5 s.
 */
export async function endsByItself(
  plan: BenchPlan,
  before: () => Promise<void> = async () => {},
): Promise<number> {
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(plan)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let said = "";
  let closedAt = Number.NaN;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.includes("closed\n") && Number.isNaN(closedAt)) closedAt = performance.now();
  });
  try {
    await until(() => said.includes("begun\n") || child.exitCode !== null);
    await before();
    child.stdin.write("stop\n");
    await until(() => child.exitCode !== null, 5000);
    await ended;
    if (child.exitCode !== 0) throw new Error(`exit ${child.exitCode}`);
    return performance.now() - closedAt;
  } finally {
    if (child.exitCode === null) child.kill("SIGKILL");
  }
}
