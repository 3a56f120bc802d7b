import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BenchPlan } from "../../../src/core/bench/bench-plan.ts";
import { benchPlan, drive, openPlan, refusalOf, saidAroundClose } from "../../support/bench-drive.ts";
import { endsByItself } from "../../support/bench-process.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { freePort } from "../../support/free-port.ts";
import { halt } from "../../support/halt.ts";
import { until } from "../../support/until.ts";

function etcdPlan(url: string, text: string | null, more: Partial<BenchPlan> = {}): BenchPlan {
  return benchPlan(url, { operation: text === null ? null : { text }, ...more });
}

describe("etcd, driven", () => {
  let server: EtcdServer;
  let other: EtcdServer;

  beforeAll(async () => {
    [server, other] = await Promise.all([EtcdServer.start(), EtcdServer.start()]);
  });

  afterAll(() => Promise.all([server?.stop(), other?.stop()]));

  const revision = (of = server) => {
    const { header } = JSON.parse(of.mustCtl("get", "nothing", "-w", "json")) as {
      header: { revision: number };
    };
    return header.revision;
  };
  const handled = (method: string, of = server) =>
    of.metric("grpc_server_handled_total", `grpc_method="${method}"`);

  it("puts each key once, below the prefix of the URL", async () => {
    const before = revision();
    const driver = await openPlan(etcdPlan(`${server.url}/bench`, "put k{n} 'v {r}'"));
    const { counts, errors } = await drive(driver, { requests: 200 });
    await driver.close();
    expect([counts, errors]).toEqual([
      { sent: 200, ok: 200, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 },
      {},
    ]);
    expect(revision()).toBe(before + 200);
    const keys = server
      .mustCtl("get", "--prefix", "--keys-only", "/bench/k")
      .split("\n")
      .filter((key) => key !== "");
    expect(keys.toSorted()).toEqual(Array.from({ length: 200 }, (_, n) => `/bench/k${n}`).toSorted());
    expect(server.mustCtl("get", "--print-value-only", "/bench/k7").trim()).toMatch(/^v \d+$/);
  });

  it("reads a key or a range, and counts what it gets", async () => {
    server.mustCtl("put", "fruit/a", "apple");
    server.mustCtl("put", "fruit/b", "pear");
    for (const [text, bytes] of [
      [null, 0],
      ["get fruit/a", 12],
      ["range fruit/", 23],
    ] as const) {
      const driver = await openPlan(etcdPlan(server.url, text));
      const before = await handled("Range");
      const driven = await drive(driver, { requests: 100 });
      await driver.close();
      expect([driven.counts.ok, driven.bytes]).toEqual([100, 100 * bytes]);
      expect(await handled("Range")).toBe(before + 100);
    }
  });

  it("spreads calls over the endpoints, with a connection to each", async () => {
    const plan = etcdPlan(`etcd://${server.endpoint},${other.endpoint}`, null, { connections: null });
    const driver = await openPlan(plan);
    const before = [await handled("Range"), await handled("Range", other)];
    await drive(driver, { requests: 200 });
    await driver.close();
    const after = [await handled("Range"), await handled("Range", other)];
    expect(after.map((count, i) => count - (before[i] ?? 0))).toEqual([100, 100]);
  });

  it("begins while one endpoint answers, and says which does not", async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    const driver = await openPlan(
      etcdPlan(`etcd://${server.endpoint},${nobody}`, null, { connections: null }),
    );
    const { counts, errors, examples } = await drive(driver, { requests: 20 });
    await driver.close();
    expect([counts.ok, errors]).toEqual([10, { UNAVAILABLE: 10 }]);
    expect(examples["UNAVAILABLE"]).toBe(`${nobody}: connect ECONNREFUSED ${nobody}`);
  });

  it("ends calls that run out of time, and goes on", async () => {
    const driver = await openPlan(etcdPlan(server.url, "get a"));
    const before = await handled("Range");
    const { counts, errors } = await drive(driver, {
      timeoutMs: 200,
      async during() {
        await until(async () => (await handled("Range")) > before + 20);
        await halt(server.pid);
        await new Promise((resolve) => setTimeout(resolve, 500));
        process.kill(server.pid, "SIGCONT");
        const now = await handled("Range");
        await until(async () => (await handled("Range")) > now + 20);
      },
    });
    await driver.close();
    expect(counts.timeouts).toBeGreaterThanOrEqual(4);
    expect(Object.keys(errors)).toEqual(["timeout"]);
  });

  it("goes on with failures when the server is killed, and with answers when it is back", async () => {
    const before = revision();
    const driver = await openPlan(etcdPlan(server.url, "put again {n}"));
    const { counts, errors } = await drive(driver, {
      async during() {
        await until(async () => (await server.metric("etcd_mvcc_put_total")) > 50);
        await server.kill();
        await server.start();
        const now = revision();
        await until(() => revision() > now + 20);
      },
    });
    await driver.close();
    expect(Object.keys(errors)).toEqual(["UNAVAILABLE"]);
    const done = revision() - before;
    expect(done).toBeGreaterThanOrEqual(counts.ok);
    // What was lost on the way may have been done once, and no more.
    expect(done).toBeLessThanOrEqual(counts.sent);
  });

  it("says nothing more of a call once it is closed", async () => {
    const driver = await openPlan(etcdPlan(server.url, null));
    await halt(server.pid);
    expect(await saidAroundClose(driver)).toEqual(["began"]);
    process.kill(server.pid, "SIGCONT");
  });

  it.each(["answers", "stands still"])("leaves nothing behind at a server that %s", async (how) => {
    const before = await handled("Range", other);
    const ended = endsByItself(etcdPlan(other.url, "get a"), async () => {
      await until(async () => (await handled("Range", other)) > before + 110);
      if (how === "stands still") await halt(other.pid);
    });
    expect(await ended).toBeLessThan(2000);
    process.kill(other.pid, "SIGCONT");
  });

  it("logs in, and says at once why it cannot begin", async () => {
    const nobody = `etcd://127.0.0.1:${await freePort()}`;
    expect(await refusalOf(etcdPlan(nobody, null))).toMatchObject({
      code: "BENCH_UNREACHABLE",
      exitCode: 5,
      message: expect.stringContaining("ECONNREFUSED"),
    });
    expect(await refusalOf(etcdPlan(server.url, "del a"))).toMatchObject({ code: "USAGE", exitCode: 2 });
    expect(await refusalOf(etcdPlan("etcd://a:b", null))).toMatchObject({ code: "URL_INVALID" });
    const ctl = (...args: readonly string[]) => other.mustCtl(...args);
    ctl("user", "add", "root:right");
    ctl("user", "grant-role", "root", "root");
    ctl("user", "add", "writer:right");
    ctl("role", "add", "writes");
    ctl("role", "grant-permission", "writes", "write", "--prefix=true", "w/");
    ctl("user", "grant-role", "writer", "writes");
    ctl("auth", "enable");
    const at = (login: string) => `etcd://${login}${other.endpoint}`;
    for (const [login, text] of [
      ["", "get a"],
      ["", "put a b"],
      ["root:wrong@", "get a"],
      ["writer:right@", "get a"],
    ] as const) {
      const refusal = await refusalOf(etcdPlan(at(login), text));
      expect(refusal).toMatchObject({ code: "PERMISSION_DENIED", exitCode: 4 });
      expect(refusal?.message).not.toContain("wrong");
    }
    for (const [login, text] of [
      ["root:right@", "get a"],
      ["writer:right@", "put w/{n} b"],
    ] as const) {
      const driver = await openPlan(etcdPlan(at(login), text));
      const { counts } = await drive(driver, { requests: 20 });
      await driver.close();
      expect(counts.ok).toBe(20);
    }
    // Whoever logged in before must do it again.
    const driver = await openPlan(etcdPlan(at("root:right@"), "get a"));
    const { counts, errors } = await drive(driver, {
      async during() {
        const answered = () =>
          other.metric("grpc_server_handled_total", 'grpc_code="OK",grpc_method="Range"');
        ctl("--user=root:right", "auth", "disable");
        ctl("auth", "enable");
        const now = await answered();
        await until(async () => (await answered()) > now + 20);
      },
    });
    await driver.close();
    expect(Object.keys(errors)).toEqual(["UNAUTHENTICATED"]);
    expect(counts.errors).toBeLessThan(50);
  });
});
