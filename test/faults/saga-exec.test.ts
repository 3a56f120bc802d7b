import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { groupAlive } from "../../src/core/process/process-group.ts";
import { until } from "../support/until.ts";

const WORKER = fileURLToPath(new URL("./fixtures/exec-call.ts", import.meta.url));

it("a program of a step does not outlive a worker that is killed", async () => {
  const dir = mkdtempSync(join(tmpdir(), "dcs-orphan-"));

  writeFileSync(
    join(dir, "step.sh"),
    '#!/bin/sh\ntrap "" TERM\nsleep 60 &\necho "$$" > pid.new; mv pid.new pid; wait\n',
  );
  chmodSync(join(dir, "step.sh"), 0o755);
  const worker = spawn(process.execPath, [WORKER, dir, "./step.sh"], { stdio: "inherit" });
  try {
    await until(() => existsSync(join(dir, "pid")), 30_000);
    const group = Number(readFileSync(join(dir, "pid"), "utf8"));
    expect(groupAlive(group)).toBe(true);
    worker.kill("SIGKILL");
    await until(() => !groupAlive(group));
  } finally {
    worker.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  }
});
