import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";

const LONG = process.env["DCS_LONG"] === "1";
/** How many commands must have run to their end under the lock. */
const TARGET = LONG ? 1000 : 60;
const WORKERS = 6;
const TTL_MS = 1000;

/**
 * The critical section: reads the last value, dawdles, appends the next one with the fence and its own name. Two at a
 * time would append the same value twice.
 */
const APPEND = `
last=$(tail -n 1 ledger); value=\${last%% *}
sleep 0.0$(( $$ % 4 ))
echo "$((value + 1)) $DCS_LOCK_FENCE $1" >> ledger
`;

let box: Sandbox;
const running = new Set<RunningDcs>();

beforeEach(() => {
  box = sandbox();
});

afterEach(async () => {
  for (const dcs of running) {
    dcs.process.kill("SIGCONT");
    dcs.process.kill("SIGKILL");
    await dcs.done;
  }
  box[Symbol.dispose]();
});

it("loses no update and gives rising fences while dcs is killed and stopped at random", {
  timeout: LONG ? 900_000 : 120_000,
}, async () => {
  const seed = Number(process.env["DCS_SEED"] ?? Date.now() % 2 ** 31);
  console.info(`lock-set: DCS_SEED=${seed}, ${TARGET} commands`);
  const random = seeded(seed);
  writeFileSync(join(box.dir, "ledger"), "0 0 start\n");
  const succeeded: string[] = [];
  const failed: string[] = [];
  const faults = { kill: 0, stop: 0 };
  let started = 0;
  const over = () => succeeded.length >= TARGET;

  const worker = async () => {
    while (!over()) {
      const id = `run-${started++}`;
      const command = ["sh", "-c", APPEND, "append", id];
      const dcs = startDcs(box, [
        ..."lock acquire set --wait forever --ttl".split(" "),
        `${TTL_MS}ms`,
        "--",
        ...command,
      ]);
      running.add(dcs);
      const { code, signal, stderr } = await dcs.done;
      running.delete(dcs);
      if (code === 0) succeeded.push(id);
      // Lost under the command or in the queue while it stood still, or killed: nothing else may happen.
      else if (code !== 3 && signal !== "SIGKILL") failed.push(`${id}: ${code} ${signal} ${stderr}`);
    }
  };
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const saboteur = async () => {
    while (!over()) {
      await pause(20 + random() * 150);
      const dcs = [...running][Math.floor(random() * running.size)];
      if (dcs === undefined) continue;
      if (random() < 0.4) {
        faults.kill++;
        dcs.process.kill("SIGKILL");
      } else {
        faults.stop++;
        dcs.process.kill("SIGSTOP");
        await pause(random() * TTL_MS * 1.5);
        dcs.process.kill("SIGCONT");
      }
    }
  };
  await Promise.all([saboteur(), ...Array.from({ length: WORKERS }, worker)]);

  const ledger = readFileSync(join(box.dir, "ledger"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" "));
  const info = `seed ${seed}, ${JSON.stringify(faults)}, ${started} started`;
  expect(failed, info).toEqual([]);
  expect(
    ledger.map(([value]) => Number(value)),
    info,
  ).toEqual(ledger.map((_, index) => index));
  const fences = ledger.map(([, fence]) => Number(fence));
  expect(fences, info).toEqual([...new Set(fences)].sort((a, b) => a - b));
  const written = new Set(ledger.map(([, , id]) => id));
  expect(
    succeeded.filter((id) => !written.has(id)),
    info,
  ).toEqual([]);
  expect(faults.kill, info).toBeGreaterThan(0);
  expect(faults.stop, info).toBeGreaterThan(0);
});

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
