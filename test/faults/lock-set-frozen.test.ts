import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkLockSet } from "../../src/core/lock/torture/check-lock-set.ts";
import { checkStopped } from "../../src/core/lock/torture/check-stopped.ts";
import { sayFinding } from "../../src/core/lock/torture/finding.ts";
import type { HistoryEvent } from "../../src/core/lock/torture/history.ts";
import { signalGroup } from "../../src/core/process/process-group.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { ready, scene } from "../support/scene.ts";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";
import { type DcsFamily, familyOf, freezeFamily, signal } from "./kit/processes.ts";
import { RegisterServer } from "./kit/register-server.ts";
import { type FaultyServer, faultyEtcd, faultyRedis } from "./kit/servers.ts";

type Backend = "embedded" | "redis" | "etcd";

/** Of who is to lose the lock. The watchdog has a twelfth of it to strike, also on a busy machine. */
const ttl = (patience: number) => ["--ttl", `${5 * patience}s`];
/** Of who comes after: long enough for a busy machine. */
const LONG_TTL = ["--ttl", "20s"];

const CLIENT = fileURLToPath(new URL("fixtures/register-client.ts", import.meta.url));
/** Writes down, over and over, that it can still act: boot time in seconds, as the kernel tells it. */
const BEAT = "while :; do read up idle < /proc/uptime; echo $up >> beats; sleep 0.01; done";
/** /proc/uptime counts in hundredths of a second. */
const BEAT_MS = 15;

/** One test's world: its sandbox, server, and the processes it started. */
class World implements AsyncDisposable {
  readonly box: Sandbox = sandbox();
  readonly server: FaultyServer | null;
  readonly #running: RunningDcs[] = [];

  static async start(backend: Backend): Promise<World> {
    const start = { embedded: null, redis: faultyRedis, etcd: faultyEtcd }[backend];
    return new World(start === null ? null : await start());
  }

  private constructor(server: FaultyServer | null) {
    this.server = server;
  }

  /** Runs a command under the lock `set`. */
  lock(command: readonly string[], ...flags: readonly string[]): RunningDcs {
    const { server } = this;
    const where = server === null ? [] : ["--locks", server.urlAt(server.port)];
    const args = ["lock", "acquire", "set", "--wait", "100s", ...where, ...flags];
    const dcs = startDcs(this.box, [...args, "--", ...command]);
    this.#running.push(dcs);
    return dcs;
  }

  /** A command that reads the register, and writes it once `release(id)` was called. */
  writer(id: string, flags: readonly string[]): RunningDcs {
    return this.lock([process.execPath, CLIENT, this.path("register"), id, this.path(`go-${id}`)], ...flags);
  }

  /** A command under a lock of a short TTL that beats, and was renewed. */
  beating(): Promise<RunningDcs> {
    return scene(async (patience) => {
      for (const name of ["events", "beats"]) rmSync(this.path(name), { force: true });
      const dcs = this.lock(["sh", "-c", BEAT], "--events", "events", ...ttl(patience));
      await ready(dcs, () => count(this, "renewed") > 0 && count(this, "alive") > 10);
      return dcs;
    });
  }

  /** A writer of a short TTL that has read, and stands still with all that belongs to it. */
  frozenReader(id: string, resource: RegisterServer): Promise<{ dcs: RunningDcs; family: DcsFamily }> {
    return scene(async (patience) => {
      resource.readers.delete(id);
      const dcs = this.writer(id, ttl(patience));
      await ready(dcs, () => resource.readers.has(id));
      const family = familyOf(dcs.pid);
      freezeFamily(family);
      // Where its lock was lost just now, its command is told to end, or has.
      if (family.groups.length === 0) {
        dcs.process.kill("SIGCONT");
        await ready(dcs, () => false);
      }
      expect([family.watchdogs.length, family.groups.length]).toEqual([1, 1]);
      return { dcs, family };
    });
  }

  release(id: string): void {
    writeFileSync(this.path(`go-${id}`), "");
  }

  path(name: string): string {
    return join(this.box.dir, name);
  }

  lines(name: string): readonly string[] {
    return existsSync(this.path(name))
      ? readFileSync(this.path(name), "utf8").split("\n").filter(Boolean)
      : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process: dcs, pid, done } of this.#running) {
      for (const each of familyOf(pid).watchdogs) signal(each, "SIGCONT");
      dcs.kill("SIGCONT");
      dcs.kill("SIGKILL");
      await done;
    }
    await this.server?.stop();
    this.box[Symbol.dispose]();
  }
}

/** What `--events` and the beats of a command say, as a history. */
function historyOf(world: World): readonly HistoryEvent[] {
  const common = { lock: "set", worker: "w1", hold: 1 };
  const bootOffset = systemClock.boottime() - systemClock.monotonic();
  const renewed = world
    .lines("events")
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === "renewed")
    .map(({ deadline }): HistoryEvent => ({ ...common, type: "renewed", at: deadline, deadline }));
  const beats = world
    .lines("beats")
    .map((up): HistoryEvent => ({ ...common, type: "alive", at: Number(up) * 1000 - bootOffset }));
  return [...renewed, ...beats];
}

const count = (world: World, type: HistoryEvent["type"]) =>
  historyOf(world).filter((event) => event.type === type).length;

describe.concurrent.each(["embedded", "redis", "etcd"] as const)("on %s", (backend) => {
  it("a command is dead by its deadline when dcs stands still, and the next one gets the lock", async () => {
    await using world = await World.start(backend);
    const dcs = await world.beating();
    signal(dcs.pid, "SIGSTOP");
    const next = await world.lock(["sh", "-c", "wc -l < beats > seen; sleep 0.1; wc -l < beats > later"])
      .done;
    expect(next).toMatchObject({ code: 0 });
    expect(world.lines("later")).toEqual(world.lines("seen"));
    signal(dcs.pid, "SIGCONT");
    expect((await dcs.done).code).toBe(3);
    // By now it has also written of a renewal that was acknowledged just before it stood still.
    expect(checkStopped(historyOf(world), BEAT_MS).map(sayFinding)).toEqual([]);
  });

  it("when everything stands still only the fence protects: it lets no stale write in, without it one is lost", async () => {
    await using world = await World.start(backend);
    await using resource = await RegisterServer.start(world.path("register"));
    const { dcs: first, family } = await world.frozenReader("first", resource);
    world.release("second");
    expect((await world.writer("second", LONG_TTL).done).code).toBe(0);
    // It wakes up before its watchdog does, and writes what it had in mind.
    world.release("first");
    for (const group of family.groups) signalGroup(group, "SIGCONT");
    await until(() => resource.writes.length === 2);
    for (const pid of [...family.watchdogs, first.pid]) signal(pid, "SIGCONT");
    expect((await first.done).code).toBe(3);
    expect(resource.writes).toEqual([
      { id: "second", accepted: true },
      { id: "first", accepted: false },
    ]);
    const { register } = resource;
    expect(checkLockSet(register.ledger, ["second"])).toEqual([]);
    expect(register.lostWithoutFence).toBe(1);
    expect(checkLockSet(register.openLedger, ["first", "second"]).map(({ message }) => message)).toEqual([
      "first did not know of second: an update is lost",
    ]);
  });
});

describe.concurrent("a server that comes back with nothing", () => {
  it.each(["redis", "etcd"] as const)(
    "%s: the command is dead by its deadline, though another holds by then",
    async (backend) => {
      await using world = await World.start(backend);
      const dcs = await world.beating();
      await world.server?.restart({ keepData: false });
      expect((await world.lock(["true"], ...LONG_TTL).done).code).toBe(0);
      expect((await dcs.done).code).toBe(3);
      expect(checkStopped(historyOf(world), BEAT_MS).map(sayFinding)).toEqual([]);
    },
  );

  it("Redis: its fences are times, so the holder it forgot is refused", async () => {
    await using world = await World.start("redis");
    await using resource = await RegisterServer.start(world.path("register"));
    const { dcs: first, family } = await world.frozenReader("first", resource);
    await world.server?.restart({ keepData: false });
    world.release("second");
    expect((await world.writer("second", LONG_TTL).done).code).toBe(0);
    world.release("first");
    for (const group of family.groups) signalGroup(group, "SIGCONT");
    await until(() => resource.writes.length === 2);
    for (const pid of [...family.watchdogs, first.pid]) signal(pid, "SIGCONT");
    // Its own TTL has not passed; it may end before it hears that the server forgot it.
    expect([3, 9]).toContain((await first.done).code);
    expect(resource.writes).toEqual([
      { id: "second", accepted: true },
      { id: "first", accepted: false },
    ]);
    expect(resource.register.lostWithoutFence).toBe(1);
  });
});
