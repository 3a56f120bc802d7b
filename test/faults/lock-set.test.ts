import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { FaultyProxy } from "../support/proxy.ts";
import { type RunningDcs, type Sandbox, sandbox } from "../support/start-dcs.ts";
import { SteppedClock } from "./kit/clock-step.ts";
import { APPEND, LockSetRun } from "./kit/lock-set-run.ts";
import { familyOf, freeze, killCommand } from "./kit/processes.ts";
import { faultSchedule, runSeed, type ScheduledFault } from "./kit/schedule.ts";
import { type FaultyServer, faultyEtcd, faultyQuorum, faultyRedis } from "./kit/servers.ts";

const LONG = process.env["DCS_LONG"] === "1";

/** The short run ends in time, also where many wait out the TTLs of those who were killed. */
const BUDGET = LONG ? {} : { budgetMs: 5000 };

/** What may happen to the processes of a holder or waiter. */
const TO_DCS = { "kill dcs": 3, "kill command": 2, "stop dcs": 3 } as const;
/** What may happen between them and the server, and to the server itself; none of it loses data. */
const TO_NETWORK = { "black hole": 1, cut: 1, "cut after send": 2, pause: 1 } as const;
const TO_SERVER = { ...TO_DCS, ...TO_NETWORK, restart: 1 } as const;
/** Only a quorum survives that as well: one of its servers is killed, and comes back with nothing. */
const TO_QUORUM = { ...TO_DCS, ...TO_NETWORK, forget: 6 } as const;
type Kind = keyof typeof TO_SERVER | keyof typeof TO_QUORUM;

interface Target {
  readonly run: LockSetRun;
  readonly ttlMs: number;
  readonly server: FaultyServer | null;
  readonly proxy: FaultyProxy | null;
}

const rest = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Mostly who runs its command under the lock just now: there is more to break. */
function choose(run: LockSetRun, kind: Kind, lot: number): RunningDcs | undefined {
  const all = [...run.running];
  const holding = all.filter(({ pid }) => familyOf(pid).groups.length > 0);
  const among = holding.length > 0 && (lot < 0.7 || kind === "kill command") ? holding : all;
  return among[Math.floor(lot * among.length)];
}

async function strike({ kind, lot, length }: ScheduledFault<Kind>, target: Target): Promise<boolean> {
  const { run, ttlMs, server, proxy } = target;
  const victim = choose(run, kind, lot);
  if (victim === undefined) return false;
  switch (kind) {
    case "kill dcs":
      return victim.process.kill("SIGKILL");
    case "kill command":
      return killCommand(victim.pid);
    case "stop dcs":
      await freeze(victim.pid, length * ttlMs * 1.5);
      return true;
    case "restart":
    case "forget":
      await server?.restart({ keepData: kind === "restart" });
      return true;
    case "pause":
      await server?.pause(length * ttlMs);
      return true;
  }
  if (proxy === null) return false;
  if (kind === "cut") proxy.cut();
  else if (kind === "cut after send") proxy.cutAfterSend();
  else {
    proxy.mode = "black-hole";
    await rest(length * ttlMs * 1.5);
    proxy.mode = "pass";
    // What was lost on the way cannot be made good on the same connection.
    proxy.cut();
  }
  return true;
}

/** Strikes by the schedule until the run is over; how often each kind struck. */
async function sabotage(seed: number, kinds: Readonly<Record<string, number>>, target: Target) {
  const struck: Partial<Record<Kind, number>> = {};
  for (const fault of faultSchedule({ seed, kinds, minGapMs: 100, maxGapMs: 500 })) {
    await rest(fault.afterMs);
    if (target.run.isOver || target.run.isLate) break;
    if (await strike(fault as ScheduledFault<Kind>, target)) {
      const kind = fault.kind as Kind;
      struck[kind] = (struck[kind] ?? 0) + 1;
    }
  }
  return struck;
}

const BACKENDS = {
  embedded: { start: null, flag: "", kinds: TO_DCS, ttlMs: 1000, target: LONG ? 400 : 15 },
  redis: { start: faultyRedis, flag: "--locks", kinds: TO_SERVER, ttlMs: 1000, target: LONG ? 150 : 8 },
  etcd: { start: faultyEtcd, flag: "--store", kinds: TO_SERVER, ttlMs: 2000, target: LONG ? 150 : 6 },
  quorum: {
    ...{ start: () => faultyQuorum("2s"), flag: "--locks", kinds: TO_QUORUM, ttlMs: 1000 },
    target: LONG ? 150 : 6,
  },
} as const;

// Each waits for TTLs most of the time, so together they take no longer than the slowest.
describe.concurrent.each(["embedded", "redis", "etcd", "quorum"] as const)("lock-set on %s", (backend) => {
  it("loses no update and gives rising fences under faults that can be survived", {
    timeout: LONG ? 1_200_000 : 120_000,
  }, async (test) => {
    const { start, flag, kinds, ttlMs, target } = BACKENDS[backend];
    const seed = runSeed(`lock-set on ${backend}`, test);
    using box: Sandbox = sandbox();
    const server = start === null ? null : await start();
    const proxy = server === null ? null : await FaultyProxy.start(server.port);
    const where = server === null ? [] : [flag, server.urlAt(proxy?.port ?? 0)];
    const run = new LockSetRun({ box, where, target, workers: 4, ttlMs, ...BUDGET });
    try {
      const [struck] = await Promise.all([sabotage(seed, kinds, { run, ttlMs, server, proxy }), run.work()]);
      const info = `seed ${seed}, ${JSON.stringify(struck)}, ${run.started} started, ${run.succeeded} to their end`;
      expect(run.findings(), info).toEqual([]);
      expect(
        Object.values(struck).reduce((sum, count) => sum + count, 0),
        info,
      ).toBeGreaterThan(0);
      if (LONG) expect(Object.keys(struck).sort(), info).toEqual(Object.keys(kinds).sort());
      console.info(`lock-set on ${backend}: ${info}`);
    } finally {
      await run.end();
      await proxy?.[Symbol.asyncDispose]();
      await server?.stop();
    }
  });
});

it.concurrent("loses no update while the wall clock is set an hour forward and back", {
  timeout: LONG ? 600_000 : 120_000,
}, async (test) => {
  const seed = runSeed("lock-set with clock steps", test);
  using box = sandbox();
  const clock = new SteppedClock(box.dir);
  const run = new LockSetRun({
    ...{ box, where: [], target: LONG ? 200 : 8, workers: 3, ttlMs: 1000, env: clock.env, ...BUDGET },
  });
  let steps = 0;
  const step = async () => {
    for (const { afterMs } of faultSchedule({ seed, kinds: { step: 1 }, minGapMs: 100, maxGapMs: 400 })) {
      await rest(afterMs);
      if (run.isOver || run.isLate) return;
      clock.step(steps++ % 2 === 0 ? 3600 : -3600);
    }
  };
  try {
    await Promise.all([run.work(), step()]);
    expect(run.findings(), `seed ${seed}, ${steps} steps`).toEqual([]);
    expect(steps).toBeGreaterThan(1);
  } finally {
    await run.end();
  }
});

it("the control: without the lock the same commands lose updates, and the checker sees it", async () => {
  using box = sandbox();
  const run = new LockSetRun({ box, where: [], target: 0, workers: 0, ttlMs: 1000 });
  const append = (id: number) =>
    once(
      spawn("sh", ["-c", APPEND, "append", `run-${id}`], {
        cwd: box.dir,
        env: { ...box.env, DCS_LOCK_FENCE: "1" },
      }),
      "close",
    );
  await Promise.all(Array.from({ length: 12 }, (_, id) => append(id)));
  expect(run.findings().join("\n")).toContain("an update is lost");
});
