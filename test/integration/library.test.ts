import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { runProcess } from "../support/cli.ts";
import { sandbox } from "../support/start-dcs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a program that depends on dcs would do. */
const PROGRAM = `
import { createPicker, currentHolder, isDcsError, openLocks, openStore, Registrar, resolve, runGuarded, systemClock } from "dcs";
const [dir] = process.argv.slice(2);
const address = { url: \`embedded:\${dir}/store.db\`, timeoutMs: 5000, stateDir: dir };
const locks = await openLocks(address);
const request = { name: "job", ttlMs: 5000, waitMs: 0, holder: currentHolder(), detached: false };
const hold = await locks.acquire(request);
const refused = await locks.acquire(request).catch((error) => error);
await locks.release("job", hold.token);
const guarded = await runGuarded({ locks: address, request, command: "true", args: [], env: process.env });
await locks.close();
const store = await openStore(address.url, address);
const wanted = { service: "none", count: 1, policy: "wrr", filter: {}, waitMs: 0, clock: systemClock };
const picked = await resolve(store, { ...wanted, signal: new AbortController().signal }).catch((error) => error);
await store.close();
console.log(JSON.stringify({
  refused: isDcsError(refused, "LOCK_HELD"),
  picked: isDcsError(picked, "SERVICE_NOT_FOUND"),
  exit: guarded.exit.code,
  fenced: guarded.hold.fence > hold.fence,
  picker: createPicker("wrr", [{ id: "a", weight: 1 }]).pick().id,
  registrar: typeof Registrar.start,
}));
`;

it("is what a program that depends on the package can import", async () => {
  using box = sandbox();
  const { symlinkSync, mkdirSync } = await import("node:fs");
  mkdirSync(join(box.dir, "node_modules"));
  symlinkSync(root, join(box.dir, "node_modules/dcs"));
  writeFileSync(join(box.dir, "program.mjs"), PROGRAM);
  const run = await runProcess([process.execPath, "program.mjs", box.dir], { cwd: box.dir, env: box.env });
  expect(run.stderr).toBe("");
  expect(JSON.parse(run.stdout)).toEqual({
    refused: true,
    picked: true,
    exit: 0,
    fenced: true,
    picker: "a",
    registrar: "function",
  });
});
