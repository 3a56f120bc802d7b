import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BreakAction, breakLock, findBreakTarget } from "../../src/core/lock/break-lock.ts";
import type { AcquireRequest, LockDriver } from "../../src/core/lock/lock.ts";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { type DcsRun, runDcs, runProcess } from "../support/cli.ts";
import { EtcdServer } from "../support/etcd.ts";
import { freePort } from "../support/free-port.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

const HOLDER = { host: "elsewhere", pid: 4711, command: "worker" };
const OPERATOR = { host: "desk", pid: 1, command: "dcs lock break" };

let redis: RedisServer;
let etcd: EtcdServer;
let box: Sandbox;
let database = 0;

beforeAll(async () => {
  [redis, etcd] = await Promise.all([startRedis(["--databases", "100"]), EtcdServer.start()]);
});
afterAll(async () => {
  await Promise.all([redis?.stop(), etcd?.stop()]);
});
beforeEach(() => {
  box = sandbox();
});
afterEach(() => box[Symbol.dispose]());

const dcs = (url: string, ...args: readonly string[]): Promise<DcsRun> =>
  runDcs(["lock", ...args], { env: { ...box.env, DCS_LOCKS: url }, cwd: box.dir });

function dataOf(run: DcsRun): Record<string, unknown> {
  expect(run.stdout + run.stderr).toContain('"ok":true');
  return run.json()["data"] as Record<string, unknown>;
}

function action(over: Partial<BreakAction> = {}): BreakAction {
  return { name: "a", reason: "it hangs", wait: null, now: false, lease: null, foreign: null, ...over };
}

function request(over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name: "a", ttlMs: 60_000, waitMs: 0, holder: HOLDER, detached: false, ...over };
}

describe.each([
  ["embedded", () => `embedded:${join(box.dir, "store.db")}`],
  ["etcd", () => `${etcd.url}/space-${++database}`],
  ["redis", () => `${redis.url}/${++database}`],
])("on %s", (backend, urlOf) => {
  let url: string;
  let locks: LockDriver;
  let others: LockDriver;
  let stop: AbortController;

  beforeEach(async () => {
    url = urlOf();
    const address = { url, timeoutMs: 10_000, stateDir: box.dir };
    [locks, others] = await Promise.all([openLocks(address), openLocks(address)]);
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all([locks.close(), others.close()]);
  });

  /** Breaks what is held now; `between` happens after it was looked at. */
  const breakNow = async (over: Partial<BreakAction> = {}, between = async () => {}, onAsked = () => {}) => {
    const { signal } = stop;
    const target = await findBreakTarget(action(over), { locks: others, signal });
    await between();
    const order = { ...action(over), by: OPERATOR, foreignValue: null, onAsked };
    return breakLock(order, target, { locks: others, clock: systemClock, signal });
  };

  const broken = async () => (await locks.notes.history("a")).filter(({ end }) => end === "broken");

  it("a holder that hears it lets go, and the first who waits has the lock", async () => {
    const hold = await locks.acquire(request());
    const next = locks.acquire(request({ waitMs: 20_000 }));
    await until(async () => (await others.inspect("a"))?.waiters.length === 1);
    const letting = locks.notes.asked("a", hold.token, stop.signal).then(async (ask) => {
      expect(ask).toMatchObject({ verb: "break", reason: "it hangs", by: OPERATOR });
      await locks.release("a", hold.token);
    });
    const outcome = await breakNow({ wait: "forever" });
    await letting;
    const { fence } = await next;
    expect(outcome).toMatchObject({
      holds: [{ how: "let-go" }],
      lastFence: hold.fence,
      holders: [{ fence }],
      waiters: 0,
      noteFailure: null,
    });
    expect(fence).toBeGreaterThan(hold.grant);
    expect(await broken()).toMatchObject([
      { fence: hold.fence, holder: HOLDER, end: "broken", ask: { reason: "it hangs", by: OPERATOR } },
    ]);
  });

  it("from a holder that does not hear it the lock is taken, and its guard is told", async () => {
    const hold = await locks.acquire(request());
    const next = locks.acquire(request({ waitMs: 20_000 }));
    await until(async () => (await others.inspect("a"))?.waiters.length === 1);
    const gone = locks.gone("a", hold.token, stop.signal);
    const outcome = await breakNow({ wait: 150 });
    await gone;
    expect(stop.signal.aborted).toBe(false);
    expect(outcome).toMatchObject({ holds: [{ how: "broken" }], lastFence: hold.fence, noteFailure: null });
    expect((await next).fence).toBeGreaterThan(hold.grant);
  });

  it("whoever got the lock meanwhile keeps it", async () => {
    const hold = await locks.acquire(request());
    let next = hold;
    const outcome = await breakNow({ now: true }, async () => {
      await locks.release("a", hold.token);
      next = await locks.acquire(request({ holder: { ...HOLDER, pid: 4712 } }));
    });
    expect(outcome).toMatchObject({ holds: [{ how: "over" }], holders: [{ fence: next.fence }] });
    await locks.renew("a", next.token);
    expect(await broken()).toEqual([]);
  });

  it("stopped while it waits, has taken nothing", async () => {
    const hold = await locks.acquire(request());
    const stopped = new Error("stopped");
    await expect(breakNow({ wait: "forever" }, undefined, () => stop.abort(stopped))).rejects.toBe(stopped);
    await locks.renew("a", hold.token);
  });

  it("a history that cannot be written does not undo it, and is told", async () => {
    const hold = await locks.acquire(request());
    const { signal } = stop;
    const target = await findBreakTarget(action(), { locks: others, signal });
    const full = new Error("no room");
    const forgetful = new Proxy(others, {
      get(driver, name) {
        if (name === "notes") return { history: () => Promise.reject(full) };
        const value: unknown = Reflect.get(driver, name, driver);
        return typeof value === "function" ? value.bind(driver) : value;
      },
    });
    const order = { ...action({ now: true }), by: OPERATOR, foreignValue: null };
    const parts = { locks: forgetful, clock: systemClock, signal };
    expect(await breakLock(order, { ...target, asksFor: 0 }, parts)).toMatchObject({
      holds: [{ how: "broken" }],
      noteFailure: full,
    });
    await expect(locks.renew("a", hold.token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
  });

  it("a plan is done once, exactly; --lease names one holder", async () => {
    await locks.acquire(request({ detached: true, reason: "work" }));
    const shown = await dcs(url, "break", "a", "--reason", "x", "--dry-run", "--out", "p.json", "--json");
    const plan = dataOf(shown) as { precondition: { holders: { lease: string }[] } };
    expect(plan).toMatchObject({
      kind: "lock.break",
      what: "break lock a",
      action: { name: "a", reason: "x" },
    });
    expect((await locks.inspect("a"))?.holder.reason).toBe("work");
    await expect(breakNow({ lease: "1" })).rejects.toMatchObject({ code: "LOCK_NOT_FOUND" });
    const done = dataOf(await dcs(url, "break", "--plan", "p.json", "--json"));
    expect(done).toMatchObject({
      name: "a",
      holds: [{ how: "broken", lease: plan.precondition.holders[0]?.lease, reason: "work" }],
      holders: [],
      noted: true,
    });
    const stale = { code: 3, stderr: expect.stringContaining("PLAN_STALE") };
    if (backend === "embedded") expect(await dcs(url, "break", "--plan", "p.json")).toMatchObject(stale);
    const next = await locks.acquire(request());
    expect(await dcs(url, "break", "--plan", "p.json")).toMatchObject(stale);
    await locks.renew("a", next.token);
  });

  it("what ran under a lock that is taken at once is stopped", async () => {
    const worker = startDcs(box, ["lock", "acquire", "a", "--", "sleep", "60"], { DCS_LOCKS: url });
    await until(async () => (await locks.inspect("a"))?.holder !== undefined);
    expect((await dcs(url, "break", "a", "--reason", "x", "--now", "--yes")).code).toBe(0);
    expect((await worker.done).code).toBe(3);
  });

  it("inspect shows who waits, and how each hold ended", async () => {
    const first = await locks.acquire(request({ reason: "old" }));
    await breakNow({ now: true, reason: "too old" });
    const second = await locks.acquire(request());
    const entry = { holder: HOLDER, reason: null, acquiredAt: 1000, endedAt: null, end: null, ask: null };
    await locks.notes.write("a", { ...entry, fence: second.fence });
    await locks.notes.write("a", { ...entry, fence: first.grant - 1 });
    const waiting = locks.acquire(request({ waitMs: 20_000, reason: "mine" }));
    await until(async () => (await others.inspect("a"))?.waiters.length === 1);
    const words = ["inspect", "a", "--waiters", "--history"];
    const [json, { stdout }] = await Promise.all([dcs(url, ...words, "--json"), dcs(url, ...words)]);
    expect(dataOf(json)).toMatchObject({
      backend,
      fence: second.fence,
      waiters: [{ host: "elsewhere", pid: 4711, command: "worker", reason: "mine", mode: "exclusive" }],
      history: [
        { fence: second.fence, end: null },
        {
          fence: first.fence,
          end: "broken",
          reason: "old",
          ask: { verb: "break", reason: "too old", host: "desk" },
        },
        { fence: first.grant - 1, end: "expired" },
      ],
    });
    expect(stdout).toMatch(/\n {2}1 {2}elsewhere:4711 +mine +exclusive +20\S+Z +[0-9a-f]+ +worker\n/);
    expect(stdout).toMatch(/ held +- +-\n.* broken +desk:1 +too old\n.* ended by TTL or crash +- +-\n$/);
    await locks.release("a", second.token);
    await locks.release("a", (await waiting).token);
    const [free, past] = await Promise.all([
      dcs(url, "inspect", "a"),
      dcs(url, "inspect", "a", "--history", "--json"),
    ]);
    expect(free.code).toBe(6);
    expect(dataOf(past)).toMatchObject({
      holder: null,
      fence: null,
    });
  });

  it("doctor grades it, and --require decides", async () => {
    const [run, text] = await Promise.all([
      dcs(url, "doctor", "--require", "correctness", "--json"),
      dcs(url, "doctor"),
    ]);
    const isGood = backend !== "redis";
    expect(run.code).toBe(isGood ? 0 : 99);
    expect(run.json()).toMatchObject({
      ok: isGood,
      data: { backend, required: "correctness", passes: isGood, guarantee: { promise: expect.any(String) } },
    });
    expect(text.code).toBe(0);
    expect(text.stdout).toContain(`grade     ${isGood ? "correctness" : "efficiency only"}\n`);
  });
});

describe("a server that is down", () => {
  it.each(["redis", "etcd"])("%s: break says so, doctor gives no grade", async (scheme) => {
    const url = `${scheme}://127.0.0.1:${await freePort()}`;
    const [taken, shown, graded] = await Promise.all([
      dcs(url, "break", "a", "--reason", "x", "--yes", "--timeout", "1s", "--json"),
      dcs(url, "inspect", "a", "--history", "--timeout", "1s"),
      dcs(url, "doctor", "--timeout", "1s", "--json"),
    ]);
    expect(taken).toMatchObject({ code: 5 });
    expect(taken.json()).toMatchObject({ error: { code: "STORE_UNREACHABLE" } });
    expect(shown.code).toBe(5);
    expect(graded.code).toBe(98);
    expect(graded.json()).toMatchObject({
      error: { code: "GRADE_UNKNOWN" },
      data: { grade: "unknown", passes: false },
    });
  });

  it("doctor sees what forgets: etcd without fsync, Redis that pauses it", async () => {
    const [loose, pausing] = await Promise.all([
      EtcdServer.start({ args: ["--unsafe-no-fsync", "--election-timeout=1400"] }),
      startRedis(["--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "yes"]),
    ]);
    try {
      const [etcdRun, redisRun] = await Promise.all([
        dcs(loose.url, "doctor", "--json"),
        dcs(pausing.url, "doctor", "--json"),
      ]);
      expect(dataOf(etcdRun)).toMatchObject({ grade: "efficiency only", reasons: [{ check: "fsync" }] });
      const { checks } = dataOf(etcdRun) as { checks: { check: string; data?: object }[] };
      expect(checks.find(({ check }) => check === "lease-ttl")?.data).toEqual({ minTtlMs: 3000 });
      const { fix } = (dataOf(redisRun) as { reasons: { fix: string }[] }).reasons[0] ?? { fix: "" };
      expect((await runProcess(["bash", "-c", fix], { env: box.env })).code).toBe(0);
      expect(dataOf(await dcs(pausing.url, "doctor", "--json"))).toMatchObject({ grade: "correctness" });
    } finally {
      await Promise.all([loose.stop(), pausing.stop()]);
    }
  });
});
