import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { sandbox, startDcs } from "../support/start-dcs.ts";

it("dcs demo plays to its end in under 20 s, keeps every promise, and leaves nothing behind", async () => {
  using box = sandbox();
  const started = performance.now();
  const demo = startDcs(box, ["demo"], { TMPDIR: box.dir });
  const { code, stdout, stderr } = await demo.done;
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(performance.now() - started).toBeLessThan(20_000);
  expect(stdout).toContain("$ dcs lock acquire counter");
  expect(stdout).toContain("All of it held");
  // Its directory was made in TMPDIR, and is gone; only caches of Node may stay.
  expect(readdirSync(box.dir).filter((name) => !name.startsWith(".") && !name.includes("compile"))).toEqual(
    [],
  );
});

it("dcs demo --json is one document with the facts of each step", async () => {
  using box = sandbox();
  const { code, stdout } = await startDcs(box, ["demo", "--json"], { TMPDIR: box.dir }).done;
  expect(code).toBe(0);
  const { schema, ok, data } = JSON.parse(stdout);
  expect({ schema, ok }).toEqual({ schema: "dcs.demo/1", ok: true });
  expect(data.steps.map((step: { name: string }) => step.name)).toEqual([
    "register",
    "resolve",
    "crash",
    "lock",
    "lost",
    "deregister",
    "saga",
  ]);
});

it("dcs demo stops cleanly on SIGINT", async () => {
  using box = sandbox();
  const demo = startDcs(box, ["demo"], { TMPDIR: box.dir });
  await new Promise((resolve) => demo.process.stdout?.once("data", resolve));
  demo.process.kill("SIGINT");
  const { code } = await demo.done;
  expect(code).toBe(130);
  expect(readdirSync(box.dir).filter((name) => !name.startsWith(".") && !name.includes("compile"))).toEqual(
    [],
  );
});
