import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listServices } from "../../src/core/registry/catalog.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import type { Store } from "../../src/core/store/store.ts";
import { expectWithin } from "../support/expect-within.ts";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

const TTL = 2000;

describe("faults of a registrant", () => {
  let box: Sandbox;
  let store: Store;
  const running: RunningDcs[] = [];

  beforeEach(async () => {
    box = sandbox();
    const stateDir = join(box.dir, "state");
    store = await openStore("embedded:", { timeoutMs: 10_000, stateDir });
  });

  afterEach(async () => {
    for (const dcs of running.splice(0)) {
      dcs.process.kill("SIGCONT");
      dcs.process.kill("SIGKILL");
      await dcs.done;
    }
    await store.close();
    box[Symbol.dispose]();
  });

  function register(...args: string[]): RunningDcs {
    const dcs = startDcs(box, ["register", "web", "--ttl", `${TTL}ms`, ...args]);
    running.push(dcs);
    return dcs;
  }

  const at = (address: string) => ["--endpoint", address];
  const told = (dcs: RunningDcs, event: string) =>
    until(() => (dcs.stdout() + dcs.stderr()).includes(event), 20_000);

  async function ids(): Promise<readonly string[]> {
    const { services } = await listServices(store, {});
    return services.flatMap((service) => service.instances.map((instance) => instance.id));
  }

  async function goneAfter(): Promise<number> {
    const began = performance.now();
    await until(async () => (await ids()).length === 0, 20_000);
    return performance.now() - began;
  }

  it("kill -9: gone within TTL + 1 s", async () => {
    const dcs = register(...at("10.0.0.1:80"));
    await told(dcs, "registered");
    dcs.process.kill("SIGKILL");
    expectWithin(await goneAfter(), TTL + 1000);
  });

  it("kill -9 with a command: the command dies too, gone within TTL + 1 s", async () => {
    const dcs = register(...at("10.0.0.1:80"), "--", "sh", "-c", "echo $$ > pid; exec sleep 60");
    await told(dcs, "registered");
    const pidFile = join(box.dir, "pid");
    await until(() => Number(readOr(pidFile)) > 0);
    dcs.process.kill("SIGKILL");
    expectWithin(await goneAfter(), TTL + 1000);
    await until(() => !alive(Number(readOr(pidFile))));
  });

  it("SIGTERM: gone at once, while the command is drained and stopped", async () => {
    const script = "trap 'echo stopped; exit 5' TERM; echo serving; while :; do sleep 0.05; done";
    const dcs = register(...at("10.0.0.1:80"), "--drain", "1s", "--", "sh", "-c", script);
    await told(dcs, "registered");
    await until(() => dcs.stdout().includes("serving"));
    dcs.process.kill("SIGTERM");
    expectWithin(await goneAfter(), 500);
    expect(dcs.stdout()).toBe("serving\n");
    const began = performance.now();
    expect(await dcs.done).toMatchObject({ code: 5, stdout: "serving\nstopped\n" });
    expect(performance.now() - began).toBeGreaterThan(400);
  });

  it("SIGSTOP past the TTL: gone, and back within 2 s of SIGCONT", async () => {
    const dcs = register(...at("10.0.0.1:80"));
    await told(dcs, "registered");
    dcs.process.kill("SIGSTOP");
    expectWithin(await goneAfter(), TTL + 1000);
    dcs.process.kill("SIGCONT");
    const began = performance.now();
    await told(dcs, "reregistered");
    expectWithin(performance.now() - began, 2000);
    expect(await ids()).toEqual(["web/10.0.0.1:80"]);
  });

  it("two registrants, one address: the second waits and follows", async () => {
    const first = register(...at("10.0.0.1:80"));
    await told(first, "registered");
    const second = register(...at("10.0.0.1:80"), "--wait", "forever", "--version", "v2");
    await told(second, "taken");
    first.process.kill("SIGKILL");
    await told(second, "registered");
    const { services } = await listServices(store, {});
    expect(services[0]?.instances.map((one) => one.version)).toEqual(["v2"]);
  });

  it("an address taken over while its registrant was stopped stays with the new one", async () => {
    const first = register(...at("10.0.0.1:80"));
    await told(first, "registered");
    first.process.kill("SIGSTOP");
    const second = register(...at("10.0.0.1:80"), "--wait", "forever", "--version", "v2");
    await told(second, "registered ");
    first.process.kill("SIGCONT");
    await told(first, "taken");
    const { services } = await listServices(store, {});
    expect(services[0]?.instances.map((one) => one.version)).toEqual(["v2"]);
    second.process.kill("SIGTERM");
    await told(first, "reregistered");
    expect(await ids()).toEqual(["web/10.0.0.1:80"]);
  });

  it("deregister from outside: drained, told, ended with 0", async () => {
    const dcs = register(...at("10.0.0.1:80"), "--drain", "300ms", "--json");
    await told(dcs, "registered");
    const other = startDcs(box, [
      "deregister",
      "web/10.0.0.1:80",
      "--reason",
      "disk",
      "--wait",
      "20s",
      "--json",
    ]);
    expect((await other.done).code).toBe(0);
    const { code, stdout } = await dcs.done;
    expect(code).toBe(0);
    const said = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(said.map((one) => one.event)).toEqual(["registered", "deregistered", "draining"]);
    expect(said[1]).toMatchObject({ reason: "disk", by: expect.stringContaining("pid") });
  });

  it("deregister from outside stops the command", async () => {
    const dcs = register(...at("10.0.0.1:80"), "--", "sleep", "60");
    await told(dcs, "registered");
    await startDcs(box, ["deregister", "web", "--wait", "20s"]).done;
    expect((await dcs.done).code).toBe(143);
  });

  it("revoke of the lease: registered again within 2 s", async () => {
    const dcs = register(...at("10.0.0.1:80"));
    await told(dcs, "registered");
    const [lease] = await store.leases();
    await store.revoke(lease?.id ?? "");
    const began = performance.now();
    await told(dcs, "reregistered");
    expectWithin(performance.now() - began, 2000);
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
