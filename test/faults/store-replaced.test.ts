import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import { expectWithin } from "../support/expect-within.ts";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

let box: Sandbox;
let running: RunningDcs;

beforeEach(() => {
  box = sandbox();
});

afterEach(async () => {
  running.process.kill("SIGKILL");
  await running.done;
  box[Symbol.dispose]();
});

function deleteStore(): void {
  for (const suffix of ["", "-wal", "-shm"])
    rmSync(join(box.dir, `state/store.db${suffix}`), { force: true });
}

it("a registrant whose store file is deleted is listed in the new one within 2 s", async () => {
  running = startDcs(box, ["register", "web", "--endpoint", "127.0.0.1:1", "--json"]);
  await until(() => running.stdout().includes('"registered"'));
  deleteStore();
  const deleted = performance.now();
  await until(() => running.stdout().includes('"reregistered"'));
  expectWithin(performance.now() - deleted, 2000);
  const { stdout } = await runDcs(["services", "web", "-o", "name"], { env: box.env });
  expect(stdout).toContain("web/127.0.0.1:1");
});

it("a command whose lock's store file is deleted is stopped, for somebody else can take the lock", async () => {
  running = startDcs(box, ["lock", "acquire", "a", "--", "sh", "-c", "echo up; sleep 60"]);
  await until(() => running.stdout().includes("up"));
  deleteStore();
  const deleted = performance.now();
  expect((await running.done).code).toBe(3);
  expectWithin(performance.now() - deleted, 5000);
  expect((await runDcs(["lock", "acquire", "a"], { env: box.env })).code).toBe(0);
});
