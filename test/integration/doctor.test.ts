import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Settings } from "../../src/core/config/settings.ts";
import type { Check } from "../../src/core/doctor/check.ts";
import { type DoctorReport, runDoctor } from "../../src/core/doctor/run-doctor.ts";
import { runDcs } from "../support/cli.ts";
import { engineProgram } from "../support/engines.ts";
import { EtcdServer } from "../support/etcd.ts";
import { freePort } from "../support/free-port.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { sandbox } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

interface Urls {
  readonly store?: string;
  readonly locks?: string;
  readonly journal?: string;
}

async function doctor(urls: Urls, stateDir = "/nonexistent/dcs", timeoutMs = 5000): Promise<DoctorReport> {
  const setting = <T>(value: T) => ({ value, origin: { kind: "default" } as const });
  const store = setting(urls.store ?? "embedded:");
  const settings: Settings = {
    context: null,
    store,
    locks: urls.locks === undefined ? store : setting(urls.locks),
    journal: urls.journal === undefined ? store : setting(urls.journal),
    protected: setting(false),
    timeoutMs: setting(timeoutMs),
    stateDir: setting(stateDir),
    warnings: [],
  };
  return runDoctor(settings, new AbortController().signal);
}

function check(report: DoctorReport, name: string, backend?: string): Check | undefined {
  return report.checks.find((one) => one.check === name && (backend ?? one.backend) === one.backend);
}

const failed = (report: DoctorReport) =>
  report.checks.filter(({ status }) => status === "fail").map((one) => `${one.backend} ${one.check}`);

beforeAll(() => {
  for (const program of ["etcd", "etcdctl", "redis-server"]) engineProgram(program);
});

describe("the embedded store", () => {
  it("that is not there yet is no fault, and is not made", async () => {
    using box = sandbox();
    const report = await doctor({}, join(box.dir, "state"));
    expect(failed(report)).toEqual([]);
    expect(report.backends).toEqual([
      { backend: "embedded", url: "embedded:", usedFor: ["store", "locks", "journal"] },
    ]);
    expect(statSync(join(box.dir, "state"), { throwIfNoEntry: false })).toBeUndefined();
  });

  it("is looked through: modes, space, journal, integrity", async () => {
    using box = sandbox();
    const state = join(box.dir, "state");
    await runDcs(["lease", "ls"], { env: box.env });
    const good = await doctor({}, state);
    expect(good.checks.filter(({ status }) => status !== "ok")).toEqual([]);
    expect(good.locks).toMatchObject({ grade: "correctness", reasons: [] });
    expect(good.checks.map((one) => one.check).sort()).toEqual(
      [
        ...["clock", "directory", "file", "filesystem", "integrity", "journal-mode", "latency", "notices"],
        ...["reachable", "space", "stopped-processes", "version"],
      ].sort(),
    );

    chmodSync(join(state, "store.db"), 0o644);
    expect(check(await doctor({}, state), "file")).toMatchObject({
      status: "warn",
      fix: `chmod 600 ${state}/store.db`,
      data: { mode: "0644" },
    });
    chmodSync(state, 0o777);
    const open = await doctor({}, state);
    expect(check(open, "directory")).toMatchObject({ status: "warn", fix: `chmod 700 ${state}` });
    expect(open.locks.grade).toBe("efficiency only");
  });

  it("that is something else is a failed check with the error's code", async () => {
    using box = sandbox();
    writeFileSync(join(box.dir, "store.db"), "hello, this is not a database at all");
    const report = await doctor({}, box.dir);
    expect(check(report, "reachable")).toMatchObject({ status: "fail", data: { error: "STORE_CORRUPT" } });
    expect(report.locks.grade).toBe("unknown");
  });

  it("names stopped processes that have it open", async () => {
    using box = sandbox();
    await runDcs(["lease", "ls"], { env: box.env });
    const file = join(box.dir, "state", "store.db");
    const sleeper = spawn("sh", ["-c", 'exec 9<"$0"; kill -STOP $$', file], { stdio: "ignore" });
    try {
      const pid = sleeper.pid ?? 0;
      let found: Check | undefined;
      await until(async () => {
        found = check(await doctor({}, join(box.dir, "state")), "stopped-processes");
        return found?.status === "warn";
      });
      expect(found).toMatchObject({ fix: `kill -CONT ${pid}`, data: { pids: [pid] } });
    } finally {
      sleeper.kill("SIGKILL");
    }
  });
});

describe("Redis", () => {
  const servers: RedisServer[] = [];
  const start = async (...args: readonly string[]) => {
    const server = await startRedis(args);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  it("with an append-only file that is always synced and no eviction is good for correctness", async () => {
    const { url } = await start("--appendonly", "yes", "--appendfsync", "always");
    const report = await doctor({ locks: url });
    expect(report.checks.filter((one) => one.backend === "redis" && one.status !== "ok")).toEqual([]);
    expect(report.locks).toMatchObject({ backend: "redis", grade: "correctness", reasons: [] });
    expect(check(report, "latency", "redis")?.data).toMatchObject({ medianMs: expect.any(Number) });
    expect(check(report, "clock", "redis")?.data).toMatchObject({ differenceMs: expect.any(Number) });
    expect(check(report, "version", "redis")?.detail).toMatch(/^(?:Redis|Valkey) \d/);
  });

  it.each([
    ["allkeys-lru", "64mb"],
    ["volatile-ttl", "64mb"],
    ["volatile-lru", "0"],
  ])("that may evict (%s, %s) fails, with what to type", async (policy, limit) => {
    const { url, port } = await start("--maxmemory-policy", policy, "--maxmemory", limit);
    const report = await doctor({ locks: url });
    expect(check(report, "eviction")).toMatchObject({
      status: "fail",
      fix: `redis-cli -h 127.0.0.1 -p ${port} CONFIG SET maxmemory-policy noeviction`,
      data: { policy },
    });
    expect(failed(report)).toEqual(["redis eviction"]);
    expect(report.locks.grade).toBe("efficiency only");
    expect(report.locks.reasons).toContain(`maxmemory-policy ${policy} can evict a held lock`);
  });

  it("that forgets at a restart, or in a crash, is good for efficiency only", async () => {
    const [nothing, everySecond] = await Promise.all([start(), start("--appendonly", "yes")]);
    const none = await doctor({ locks: nothing.url });
    expect(check(none, "persistence")).toMatchObject({ status: "warn", data: { appendonly: "no" } });
    expect(none.locks.grade).toBe("efficiency only");
    const second = await doctor({ locks: everySecond.url });
    expect(check(second, "persistence")).toMatchObject({
      status: "warn",
      data: { appendonly: "yes", appendfsync: "everysec" },
      fix: `redis-cli -h 127.0.0.1 -p ${everySecond.port} CONFIG SET appendfsync always`,
    });
    expect(second.locks.grade).toBe("efficiency only");
  });

  it("as a replica takes no locks; as a primary it may lose them to its replica", async () => {
    const primary = await start();
    const replica = await start("--replicaof", "127.0.0.1", String(primary.port));
    await until(async () => {
      const seen = check(await doctor({ locks: primary.url }), "replicas");
      return seen?.status === "warn" && seen.data?.["replicas"] === 1;
    });
    const report = await doctor({ locks: replica.url });
    expect(failed(report)).toEqual(["redis role", "redis commands"]);
    expect(check(report, "role")?.fix).toBe(`export DCS_LOCKS=redis://127.0.0.1:${primary.port}`);
  });

  it("in cluster mode fails", async () => {
    const { url } = await start("--cluster-enabled", "yes");
    expect(failed(await doctor({ locks: url }))).toContain("redis cluster");
  });

  it("that wants another password is a failed check, and no secret is shown", async () => {
    const { port } = await start("--requirepass", "right-one");
    for (const url of [`redis://:wrong-one@127.0.0.1:${port}`, `redis://127.0.0.1:${port}`]) {
      const report = await doctor({ locks: url });
      expect(check(report, "reachable", "redis")).toMatchObject({
        status: "fail",
        data: { error: "PERMISSION_DENIED" },
      });
      expect(JSON.stringify(report)).not.toContain("wrong-one");
    }
    const good = await doctor({ locks: `redis://:right-one@127.0.0.1:${port}` });
    expect(failed(good)).toEqual([]);
    expect(check(good, "persistence")?.fix).toContain("--askpass");
    expect(JSON.stringify(good)).not.toContain("right-one");
  });

  it("whose ACL or renamed commands lack something fails and names it", async () => {
    const [acl, renamed] = await Promise.all([
      start(..."--user app on >pw ~* &* +@all -evalsha -publish -config".split(" ")),
      start("--rename-command", "SCAN", "", "--rename-command", "CONFIG", ""),
    ]);
    const limited = await doctor({ locks: `redis://app:pw@127.0.0.1:${acl.port}` });
    const refused = check(limited, "commands");
    expect(refused).toMatchObject({ status: "fail", data: { refused: { EVALSHA: expect.any(String) } } });
    expect(refused?.fix).toMatch(/ACL SETUSER app .*\+evalsha .*\+publish/);
    const changed = await doctor({ locks: renamed.url });
    expect(check(changed, "commands")).toMatchObject({
      status: "fail",
      data: { refused: { SCAN: expect.any(String) } },
    });
    // Without CONFIG, INFO tells the most.
    expect(check(changed, "eviction")).toMatchObject({ status: "ok" });
    expect(check(changed, "persistence")).toMatchObject({ status: "warn", data: { appendonly: "no" } });
  });

  it("leaves nothing behind", async () => {
    const { url, port } = await start();
    await doctor({ locks: url });
    const { Redis } = await import("ioredis");
    const client = new Redis(port);
    expect(await client.dbsize()).toBe(0);
    client.disconnect();
  });

  it("beyond loopback without TLS or password is warned of", async () => {
    const { port } = await start("--bind", "0.0.0.0", "--protected-mode", "no");
    const report = await doctor({ locks: `redis://0.0.0.0:${port}` });
    expect(check(report, "tls", "redis")?.status).toBe("warn");
    expect(check(report, "auth", "redis")?.status).toBe("warn");
  });

  it("that is silent, or not there, is a failed check within the timeout", async () => {
    const { port } = await start();
    await using proxy = await FaultyProxy.start(port);
    proxy.mode = "black-hole";
    const begun = performance.now();
    const dead = `redis://127.0.0.1:${await freePort()}`;
    const reports = await Promise.all(
      [`redis://127.0.0.1:${proxy.port}`, dead].map((locks) => doctor({ locks }, "/nonexistent/dcs", 500)),
    );
    expect(performance.now() - begun).toBeLessThan(2500);
    for (const report of reports) {
      expect(check(report, "reachable", "redis")).toMatchObject({
        status: "fail",
        data: { error: "STORE_UNREACHABLE" },
        fix: expect.stringMatching(/^redis-cli .* PING$/),
      });
      expect(report.locks.grade).toBe("unknown");
    }
  });
});

describe("etcd", () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await EtcdServer.start();
  });
  afterAll(() => server.stop());

  it("with one member is good for correctness, and is told that one is few", async () => {
    const report = await doctor({ store: server.url });
    expect(failed(report)).toEqual([]);
    expect(report.checks.filter(({ status }) => status !== "ok").map((one) => one.check)).toEqual([
      "members",
    ]);
    expect(check(report, "members")).toMatchObject({ data: { members: 1, mayFail: 0 } });
    expect(check(report, "version")?.data).toMatchObject({ version: expect.stringMatching(/^3\.\d+\.\d+/) });
    expect(check(report, "quota")?.data).toMatchObject({ quotaBytes: expect.any(Number) });
    expect(report.locks).toMatchObject({ backend: "etcd", grade: "correctness" });
  });

  it("names endpoints that do not answer", async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const report = await doctor({ store: `${server.url},${dead}` });
    expect(check(report, "reachable")?.status).toBe("ok");
    expect(check(report, "endpoints")).toMatchObject({
      status: "warn",
      data: { answering: 1, named: 2, failures: { [dead]: expect.stringContaining("ECONNREFUSED") } },
    });
  });

  it("that is not there is a failed check with the error's code", async () => {
    const report = await doctor({ store: `etcd://127.0.0.1:${await freePort()}` }, "/nonexistent/dcs", 500);
    expect(report.checks).toMatchObject([
      {
        backend: "etcd",
        check: "reachable",
        status: "fail",
        data: { error: "STORE_UNREACHABLE" },
        fix: expect.stringMatching(/^etcdctl --endpoints=\S+ endpoint health$/),
      },
    ]);
  });

  it("beyond loopback without TLS and auth is warned of; with a user it is looked at all the same", async () => {
    const own = await EtcdServer.start();
    try {
      const far = `etcd://0.0.0.0:${own.port}`;
      const open = await doctor({ store: far });
      expect(check(open, "tls")?.status).toBe("warn");
      expect(check(open, "auth")?.status).toBe("warn");
      own.mustCtl("user", "add", "root:hunter2");
      own.mustCtl("user", "grant-role", "root", "root");
      own.mustCtl("auth", "enable");
      const closed = await doctor({ store: far.replace("//", "//root:hunter2@") });
      expect(failed(closed)).toEqual([]);
      expect(check(closed, "auth")?.status).toBe("ok");
      expect(check(closed, "members")?.data).toMatchObject({ members: 1 });
      expect(JSON.stringify(closed)).not.toContain("hunter2");
      const refused = await doctor({ store: far });
      expect(check(refused, "reachable")).toMatchObject({
        status: "fail",
        data: { error: "PERMISSION_DENIED" },
      });
    } finally {
      await own.stop();
    }
  });

  it("that is out of quota fails, and what it says to type cures it", async () => {
    const full = await EtcdServer.start({ args: ["--quota-backend-bytes=1000000"] });
    try {
      const big = "x".repeat(100_000);
      await until(() => full.ctl("put", "big", big).status !== 0);
      await until(() => full.ctl("alarm", "list").stdout.includes("NOSPACE"));
      const report = await doctor({ store: full.url });
      expect(failed(report)).toEqual(["etcd alarms"]);
      expect(check(report, "quota")?.status).toBe("warn");
      const fix = check(report, "alarms")?.fix ?? "";
      expect(fix).toContain("alarm disarm");
      await shell(fix);
      expect(full.ctl("put", "big", "small").status).toBe(0);
      expect(failed(await doctor({ store: full.url }))).toEqual([]);
    } finally {
      await full.stop();
    }
  });
});

describe("dcs doctor", () => {
  it("exits 0 with the report when nothing fails", async () => {
    const run = await runDcs(["doctor", "--json"]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.json()).toMatchObject({
      schema: "dcs.doctor/1",
      ok: true,
      data: { locks: { grade: "correctness" }, counts: { fail: 0 } },
    });
  });

  it("exits 99 with the same report beside the error when a backend cannot be reached", async () => {
    const env = { DCS_LOCKS: `redis://me:hunter2@127.0.0.1:${await freePort()}` };
    const run = await runDcs(["doctor", "--json"], { env });
    expect(run.code).toBe(99);
    expect(run.json()).toMatchObject({
      schema: "dcs.error/1",
      error: { code: "DOCTOR_FAILED", details: { failed: ["redis reachable"] } },
      data: { locks: { grade: "unknown" }, counts: { fail: 1 } },
    });
    expect(run.stdout).not.toContain("hunter2");
  });

  it("shows people each check and below it what to type", async () => {
    const env = { DCS_LOCKS: `redis://127.0.0.1:${await freePort()}`, DCS_STORE: "consul://127.0.0.1:8500" };
    const run = await runDcs(["doctor"], { env });
    expect(run.code).toBe(99);
    expect(run.stdout).toMatch(/reachable +fail +.*ECONNREFUSED.*\n +type: redis-cli -h 127.0.0.1/);
    expect(run.stdout).toMatch(/reachable +fail +this version cannot open consul: URLs/);
    expect(run.stderr).toMatch(/^error DOCTOR_FAILED: 2 of \d+ checks failed/);
    expect((await runDcs(["doctor", "-o", "name"], { env })).stdout).toContain("redis/reachable\n");
  });

  it("tells a directory that cannot be written, before anything is made there", async () => {
    using box = sandbox();
    const closed = join(box.dir, "closed");
    mkdirSync(closed, { mode: 0o500 });
    const report = await doctor({ store: `embedded:${closed}/store.db` }, box.dir);
    // Root may write anywhere.
    if (process.getuid?.() !== 0) expect(failed(report)).toEqual(["embedded directory"]);
    expect(check(report, "directory")?.data).toMatchObject({ path: closed });
  });
});

/** Runs what a fix says, as a person would type it. */
function shell(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn("sh", ["-c", line], {
      stdio: "ignore",
      env: { ...process.env, ETCDCTL_API: "3" },
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`exit ${code}: ${line}`));
    });
  });
}
