import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listServices } from "../../src/core/registry/catalog.ts";
import type { Store } from "../../src/core/store/store.ts";
import { EtcdServer } from "../support/etcd.ts";
import { expectWithin } from "../support/expect-within.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import type { RunningDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

const TTL = 2000;
/** etcd looks for expired leases twice a second. */
const GONE = TTL + 1000;
const MANY = 200;

describe("faults of a registrant on etcd", () => {
  const box = sandboxPerTest();
  let etcd: EtcdServer;
  let store: Store;

  beforeEach(async () => {
    etcd = await EtcdServer.start();
    store = await etcd.open();
  });

  afterEach(async () => {
    await store.close();
    await etcd.stop();
  });

  function register(...args: string[]): RunningDcs {
    return box.start("register", "--store", etcd.url, "--ttl", `${TTL}ms`, "--json", ...args);
  }

  const one = () => register("web", "--endpoint", "10.0.0.1:80");

  function said(dcs: RunningDcs, event: string): readonly Record<string, unknown>[] {
    const lines = dcs.stdout().split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line)).filter((each) => each.event === event);
  }

  const told = (dcs: RunningDcs, event: string) => until(() => said(dcs, event).length > 0, 20_000);

  async function count(): Promise<number> {
    const { services } = await listServices(store, {});
    return services.reduce((sum, { instances }) => sum + instances.length, 0);
  }

  async function goneAfter(): Promise<number> {
    const began = performance.now();
    await until(async () => (await count()) === 0, 20_000, 20);
    return performance.now() - began;
  }

  it("SIGSTOP past the TTL: gone, and back within 2 s of SIGCONT", async () => {
    const web = one();
    await told(web, "registered");
    web.process.kill("SIGSTOP");
    expectWithin(await goneAfter(), GONE);
    web.process.kill("SIGCONT");
    const began = performance.now();
    await told(web, "reregistered");
    expectWithin(performance.now() - began, 2000);
    expect(await count()).toBe(1);
  });

  it("stays registered across a restart of etcd, and is back within 2 s after one without its data, all of it", async () => {
    const instances = Array.from({ length: MANY }, (_, n) => ({ service: "web", endpoint: `h${n}:80` }));
    writeFileSync(join(box.dir, "i.json"), JSON.stringify(instances));
    const batch = register("--file", "i.json");
    const web = register("api", "--endpoint", "10.0.0.1:80");
    await Promise.all([told(batch, "registered"), told(web, "registered")]);
    await etcd.kill();
    await etcd.start();
    await until(async () => (await count()) === MANY + 1);
    const lost = said(batch, "lost").length + said(web, "lost").length;
    // A start that took longer than the TTL cannot be told from a loss by a registrant.
    expect(said(batch, "reregistered").length + said(web, "reregistered").length).toBe(lost);

    await etcd.kill();
    etcd.wipe();
    await etcd.start();
    const began = performance.now();
    await until(async () => (await count()) === MANY + 1, 20_000, 20);
    expectWithin(performance.now() - began, 2000);
    await Promise.all([told(batch, "reregistered"), told(web, "reregistered")]);
    const back = said(batch, "reregistered").at(-1);
    expect(back).toMatchObject({ count: MANY });
    expect(new Set((await store.leases()).flatMap(({ holder }) => holder?.pid ?? []))).toEqual(
      new Set([batch.pid, web.pid]),
    );
  });

  it("SIGTERM: gone at once, with a farewell that lease ls does not count", async () => {
    const web = one();
    await told(web, "registered");
    web.process.kill("SIGTERM");
    expectWithin(await goneAfter(), 500);
    expect((await web.done).code).toBe(0);
    const { kvs } = await store.list("/dcs/farewells/web/");
    expect(kvs.map(({ value }) => JSON.parse(value))).toEqual([
      { at: expect.any(Number), endpoints: ["10.0.0.1:80"] },
    ]);
    const ls = box.start("lease", "ls", "--store", etcd.url, "--json");
    expect(JSON.parse((await ls.done).stdout)).toMatchObject({ data: { leases: [] } });
  });
});
