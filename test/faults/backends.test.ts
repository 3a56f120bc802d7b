import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import { EtcdServer } from "../support/etcd.ts";
import { expectWithin } from "../support/expect-within.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

/** The stories of the embedded store, told again on servers: nothing about the commands changes but one flag. */

let box: Sandbox;
const running: RunningDcs[] = [];

beforeEach(() => {
  box = sandbox();
});

afterEach(async () => {
  for (const dcs of running.splice(0)) {
    dcs.process.kill("SIGKILL");
    await dcs.done;
  }
  box[Symbol.dispose]();
});

function start(...args: string[]): RunningDcs {
  const dcs = startDcs(box, args);
  running.push(dcs);
  return dcs;
}

function lines(name: string): readonly string[] {
  try {
    return readFileSync(join(box.dir, name), "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}

describe.each(["etcd", "redis"] as const)("locks on %s", (backend) => {
  let etcd: EtcdServer | null = null;
  let redis: RedisServer | null = null;
  let where: string[] = [];

  beforeAll(async () => {
    if (backend === "etcd") {
      etcd = await EtcdServer.start();
      where = ["--store", etcd.url];
    } else {
      redis = await startRedis();
      where = ["--locks", redis.url];
    }
  });

  afterAll(async () => {
    await etcd?.stop();
    await redis?.stop();
  });

  it("lose no increment among 16 processes, with fences that rise", async () => {
    writeFileSync(join(box.dir, "counter"), "0\n");
    const script = `n=$(cat counter); sleep 0.0$(( $$ % 3 )); echo $((n + 1)) > counter; echo "$DCS_LOCK_FENCE" >> fences`;
    const args = [
      "lock",
      "acquire",
      "n",
      "--ttl",
      "10s",
      "--wait",
      "forever",
      ...where,
      "--",
      "sh",
      "-c",
      script,
    ];
    const ends = await Promise.all(Array.from({ length: 16 }, () => start(...args).done));
    expect(ends.map((end) => end.code)).toEqual(ends.map(() => 0));
    expect(lines("counter")).toEqual(["16"]);
    const fences = lines("fences").map(Number);
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
  });

  it("when dcs alone is killed -9, its command dies before the next holder's starts", async () => {
    const args = (script: string) => [
      ...["lock", "acquire", "k", "--ttl", "3s", "--wait", "forever", ...where, "--", "sh", "-c", script],
    ];
    const victim = start(...args("while :; do echo x >> beats; done"));
    await until(() => lines("beats").length > 10);
    const next = start(...args("wc -l < beats > seen; sleep 0.3; wc -l < beats > later"));
    await until(() => next.stderr().includes("waiting"));
    victim.process.kill("SIGKILL");
    expect((await next.done).code).toBe(0);
    expect(lines("later")).toEqual(lines("seen"));
  });
});

describe("registration on etcd", () => {
  let etcd: EtcdServer;

  beforeAll(async () => {
    etcd = await EtcdServer.start();
  });

  afterAll(() => etcd.stop());

  const store = () => ["--store", etcd.url];
  const listed = async () => {
    const { stdout } = await runDcs(["services", "web", "-o", "name", ...store()], { env: box.env });
    return stdout.split("\n").filter(Boolean);
  };

  it("a killed registrant is gone within its TTL and a second, a stopped one at once", async () => {
    const killed = start("register", "web", "--endpoint", "10.0.0.1:80", "--ttl", "3s", "--json", ...store());
    const stopped = start(
      "register",
      "web",
      "--endpoint",
      "10.0.0.2:80",
      "--ttl",
      "60s",
      "--json",
      ...store(),
    );
    for (const dcs of [killed, stopped]) await until(() => dcs.stdout().includes('"registered"'));
    expect(await listed()).toEqual(["web/10.0.0.1:80", "web/10.0.0.2:80"]);
    stopped.process.kill("SIGTERM");
    expect((await stopped.done).code).toBe(0);
    expect(await listed()).toEqual(["web/10.0.0.1:80"]);
    killed.process.kill("SIGKILL");
    const died = performance.now();
    await until(async () => (await listed()).length === 0, 10_000, 50);
    expectWithin(performance.now() - died, 4000 + 500);
  });

  it("comes back by itself within 2 s when etcd does, without a restart of anything", async () => {
    const web = start("register", "web", "--endpoint", "10.0.0.3:80", "--ttl", "3s", "--json", ...store());
    await until(() => web.stdout().includes('"registered"'));
    await etcd.kill();
    await until(() => web.stdout().includes('"lost"'), 20_000);
    await etcd.start();
    const back = performance.now();
    await until(() => web.stdout().includes('"reregistered"'), 20_000);
    expectWithin(performance.now() - back, 2000);
    expect(await listed()).toContain("web/10.0.0.3:80");
  });
});
