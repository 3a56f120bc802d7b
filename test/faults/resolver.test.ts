import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Registrar } from "../../src/core/registry/registrar.ts";
import type { RegistrarEvent } from "../../src/core/registry/registrar-events.ts";
import type { Store } from "../../src/core/store/store.ts";
import { ListFiles } from "../../src/core/traffic/list-files.ts";
import { ServiceResolver, type ServiceResolverOptions } from "../../src/core/traffic/service-resolver.ts";
import { type Clock, systemClock } from "../../src/core/util/clock.ts";
import { runDcs } from "../support/cli.ts";
import { EtcdServer } from "../support/etcd.ts";
import { expectWithin } from "../support/expect-within.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

const HOLDER = { host: "elsewhere", pid: 1, command: "resolver" };

describe("resolving while the store is in trouble", () => {
  const box = sandboxPerTest();
  let etcd: EtcdServer;
  let store: Store;
  let registry: Store;
  let shift: number;
  /** Waits are short, so that the store is asked every half second. */
  const clock: Clock = {
    ...systemClock,
    now: () => Date.now() + shift,
    timer: (ms, fn) => systemClock.timer(ms / 4, fn),
  };
  const open: AsyncDisposable[] = [];

  beforeEach(async () => {
    shift = 0;
    etcd = await EtcdServer.start();
    store = await etcd.open("", 500);
    // Those who only prepare the scene are patient.
    registry = await etcd.open("", 2000);
    open.push(store, registry);
  });

  afterEach(async () => {
    await Promise.allSettled(open.splice(0).map((one) => one[Symbol.asyncDispose]()));
    await etcd.stop();
  });

  async function register(n: number): Promise<RegistrarEvent[]> {
    const events: RegistrarEvent[] = [];
    const spec = {
      service: "web",
      endpoint: `10.0.0.${n}:80`,
      weight: 1,
      version: null,
      zone: null,
      tags: [],
    };
    const instances = [{ spec, checked: false }];
    const options = { store: registry, clock: systemClock, holder: HOLDER, ttlMs: 5000, instances };
    open.push(await Registrar.start({ ...options, onEvent: (event) => events.push(event) }));
    return events;
  }

  const files = () => new ListFiles({ stateDir: join(box.dir, "state"), store: store.url });

  async function resolver(over: Partial<ServiceResolverOptions> = {}): Promise<ServiceResolver> {
    const one = await ServiceResolver.open({ store, service: "web", clock, files: files(), ...over });
    open.push(one);
    return one;
  }

  const shown = (one: ServiceResolver) => one.instances.map(({ endpoint }) => endpoint).sort();

  it("goes on with its list while the store is away, says how old it is, and catches up", async () => {
    await register(1);
    const changes: number[] = [];
    const web = await resolver({ onChange: ({ ageMs }) => changes.push(ageMs) });
    expect(shown(web)).toEqual(["10.0.0.1:80"]);
    expect(web.ageMs).toBe(0);
    await etcd.kill();
    await until(() => web.ageMs > 500);
    expect(web.pick()?.endpoint).toBe("10.0.0.1:80");
    expect(Math.max(...changes)).toBeGreaterThan(0);
    shift = 3_700_000;
    await until(() => web.pick() === null);
    shift = 0;
    await etcd.start();
    await until(() => web.ageMs === 0);
    await register(2);
    await until(() => shown(web).length === 2);
    expect(web.suspects).toEqual([]);
  });

  it("begins with the list on disk where the store is away, and fails where there is none", async () => {
    await register(1);
    await (await resolver()).close();
    await etcd.kill();
    const web = await resolver();
    expect(shown(web)).toEqual(["10.0.0.1:80"]);
    expect(web.ageMs).toBeGreaterThan(0);
    await expect(resolver({ files: null })).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    shift = 3_700_000;
    await expect(resolver()).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
  });

  it("does not empty itself when the store comes back without its data", async () => {
    const events = [await register(1), await register(2)];
    let fewest = Number.POSITIVE_INFINITY;
    const web = await resolver({
      onChange: ({ instances }) => {
        fewest = Math.min(fewest, instances.length);
      },
    });
    await etcd.kill();
    etcd.wipe();
    await etcd.start();
    const back = performance.now();
    await until(() => events.every((said) => said.some(({ type }) => type === "reregistered")));
    expectWithin(performance.now() - back, 2000);
    await until(() => web.ageMs === 0 && web.suspects.length === 0 && shown(web).length === 2);
    expect(fewest).toBe(2);
  });

  describe("dcs resolve", () => {
    const resolve = async (...flags: readonly string[]) => {
      const args = ["resolve", "web", "--store", etcd.url, "--timeout", "2s", ...flags];
      return runDcs(args, { env: box.env, cwd: box.dir });
    };

    it("answers from the last list, with its age and a warning, until that is too old", async () => {
      await register(1);
      expect((await resolve("--json")).json()["data"]).toMatchObject({
        stale: false,
        ageMs: 0,
        suspects: [],
      });
      await etcd.kill();
      const stale = await resolve("--json");
      expect(stale).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning .* as it was \d/) });
      expect(stale.json()).toMatchObject({
        data: { stale: true, ageMs: expect.any(Number), picks: [{ endpoint: "10.0.0.1:80" }] },
        warnings: [{ code: "STALE_LIST" }],
      });
      expect((await resolve("-q")).stdout).toBe("10.0.0.1:80\n");
      expect((await resolve("-q")).stderr).toBe("");
      const old = await resolve("--max-stale", "1ms", "--json");
      expect(old.code).toBe(5);
      expect(old.json()["error"]).toMatchObject({
        code: "STORE_UNREACHABLE",
        message: expect.stringContaining("older than 1ms"),
        details: { kept: { ageMs: expect.any(Number) } },
      });
      expect((await resolve("--max-stale", "0")).code).toBe(5);
      const none = await resolve("--version", "v9", "--json");
      expect([none.code, none.json()["error"]]).toMatchObject([
        5,
        { message: expect.stringContaining("no instance of web to pick") },
      ]);
      const file = readdirSync(join(box.dir, "state/resolved"), { recursive: true, encoding: "utf8" }).find(
        (name) => name.endsWith(".json"),
      );
      writeFileSync(join(box.dir, "state/resolved", file ?? ""), "{");
      expect((await resolve()).code).toBe(5);
    });

    it("believes a store that has none, and names what it goes on giving out after a loss of data", async () => {
      await register(1);
      await resolve();
      await etcd.kill();
      etcd.wipe();
      // Nobody comes back before the question is asked.
      await Promise.allSettled(open.splice(1).map((one) => one[Symbol.asyncDispose]()));
      await etcd.start();
      const held = await resolve("--json");
      expect(held.json()).toMatchObject({
        data: { stale: false, picks: [{ suspect: true }], suspects: ["web/10.0.0.1:80"] },
        warnings: [{ code: "SUSPECT_INSTANCES" }],
      });
      const listed = await runDcs(["services", "web", "--store", etcd.url, "--json"], { env: box.env });
      expect(listed.json()).toMatchObject({
        data: { services: [] },
        warnings: [{ code: "SUSPECT_INSTANCES" }],
      });
      expect((await resolve("--keep-suspect", "0")).code).toBe(6);
      expect((await resolve()).code).toBe(6);
    });
  });

  it("services --watch says when the store is away, and when it is back", async () => {
    await store.txn({ ops: [{ put: "/services/web/10.0.0.1:80", value: "up" }] });
    const watch = box.start("services", "--watch", "--json", "--store", etcd.url, "--timeout", "2s");
    const said = () =>
      watch
        .stdout()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line).event as string);
    await until(() => said().includes("current"), 20_000);
    await etcd.kill();
    await until(() => said().includes("stale"), 20_000);
    await etcd.start();
    await until(() => said().at(-1) === "current", 20_000);
    expect(said()).toEqual(["added", "current", "stale", "current"]);
    expect(existsSync(join(box.dir, "state/resolved"))).toBe(false);
  });
});
