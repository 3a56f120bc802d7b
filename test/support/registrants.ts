import { afterEach, expect } from "vitest";
import { type DcsRun, runDcs } from "./cli.ts";
import { type SandboxPerTest, sandboxPerTest } from "./sandbox-per-test.ts";
import type { RunningDcs } from "./start-dcs.ts";
import { until } from "./until.ts";

interface Event {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** What it said so far, with `--json`. */
export function events(dcs: RunningDcs): readonly Event[] {
  return dcs
    .stdout()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** Resolves when it has said so. */
export function saw(dcs: RunningDcs, event: string): Promise<void> {
  return until(() => events(dcs).some((one) => one.event === event), 20_000);
}

/** Commands in the sandbox of the test that runs. */
export interface Registrants {
  readonly box: SandboxPerTest;
  readonly dcs: (...args: string[]) => Promise<DcsRun>;
  /** The `data` of a command that must succeed. */
  readonly data: (...args: string[]) => Promise<Record<string, unknown>>;
}

/** Gives each test of the caller a sandbox, and kills afterwards the keepers that it left. */
export function registrants(): Registrants {
  const box = sandboxPerTest();

  afterEach(async () => {
    // Keepers of a test that failed halfway.
    const { leases } = (await data("lease", "ls")) as { leases: readonly { holder: { pid: number } }[] };
    for (const { holder } of leases) if (!gone(holder.pid)) process.kill(holder.pid, "SIGKILL");
  });

  const dcs = (...args: string[]) => runDcs(args, { env: box.env, cwd: box.dir });

  async function data(...args: string[]): Promise<Record<string, unknown>> {
    const run = await dcs(...args, "--json");
    expect(run, run.stderr + run.stdout).toMatchObject({ code: 0 });
    return run.json()["data"] as Record<string, unknown>;
  }
  return { box, dcs, data };
}

/** True when there is no such process. */
export function gone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
