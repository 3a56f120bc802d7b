import { describe, expect, it } from "vitest";
import { benchCli } from "../support/bench-cli.ts";
import { startBench } from "../support/bench-command.ts";
import { RawServer, whole } from "../support/raw-server.ts";
import type { RunningDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

const { box, says } = benchCli();

describe("services", () => {
  const instances = async (weights: readonly number[], answer = () => whole()) => {
    const servers = await Promise.all(
      weights.map(() => RawServer.start(({ socket }) => socket.write(answer()))),
    );
    const registered: RunningDcs[] = [];
    for (const [index, { port }] of servers.entries()) {
      registered.push(
        box.start(
          ...["register", "web", "--endpoint", `127.0.0.1:${port}`, "--weight", String(weights[index])],
          ...["--version", index === 0 ? "1.0.0" : "2.0.0", "--json"],
        ),
      );
    }
    await until(() => registered.every((each) => each.stdout().includes('"ready"')), 30_000);
    return { servers, registered };
  };

  it.each([
    ["max mode", ["-n", "600", "-c", "4"]],
    ["rate mode", ["-R", "150", "-n", "600"]],
  ])("%s: each instance has a row, and its share", async (_mode, load) => {
    const { servers } = await instances([1, 2, 3]);
    try {
      const { result } = await says("service://web/health?x=1", ...load, "-w", "1");
      const shares = servers.map(({ port }) =>
        result?.instances.find(({ endpoint }) => endpoint.endsWith(`:${port}`)),
      );
      expect(shares.map((each) => each?.requests.sent)).toEqual([100, 200, 300]);
      expect(result?.target).toBe("service://web/health?x=1");
      expect(result?.notes).toContain("instances were chosen by dcs's own balancer, by weight");
      const some = await says("service://web@2.0.0/", "-n", "50");
      expect(some.result?.instances.map(({ version }) => version)).toEqual(["2.0.0", "2.0.0"]);
      expect(some.result?.requests.ok).toBe(50);
      const none = await says("service://web@3.0.0/", "-n", "50");
      expect(none).toMatchObject({
        code: 6,
        error: { code: "SERVICE_NOT_FOUND", message: "no instance of web of version 3.0.0 takes requests" },
      });
      expect(await says("service://nothing/")).toMatchObject({
        code: 6,
        error: { code: "SERVICE_NOT_FOUND" },
      });
    } finally {
      for (const each of servers) await each[Symbol.asyncDispose]();
    }
  });

  it("one that goes away in the middle gets nothing more, and all that go leave nobody to blame", async () => {
    const { servers, registered } = await instances([1, 1]);
    try {
      const { dcs, said } = startBench(box, [
        "service://web/",
        "-R",
        "50",
        "-d",
        "8s",
        "--warmup",
        "0",
        "-w",
        "1",
      ]);
      await until(() => (servers[0]?.requests ?? 0) > 20, 30_000);
      registered[0]?.process.kill("SIGTERM");
      await registered[0]?.done;
      await new Promise((resolve) => setTimeout(resolve, 500));
      const seen = servers[0]?.requests;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(servers[0]?.requests).toBe(seen);
      registered[1]?.process.kill("SIGTERM");
      await registered[1]?.done;
      const { result } = await said;
      expect(dcs.stderr()).not.toContain("    at ");
      const nobody = result?.errors.find(({ kind }) => kind === "no instance");
      expect(nobody?.example).toBe("no ready instance of the service is registered");
      expect(result?.instances.map(({ requests }) => requests.errors)).toEqual([0, 0]);
      expect(result?.requests.errors).toBe(nobody?.count);
    } finally {
      for (const each of servers) await each[Symbol.asyncDispose]();
    }
  });

  it("one that is dead is an error now and then, and not the end", async () => {
    const { servers } = await instances([1, 1, 1]);
    await servers[0]?.[Symbol.asyncDispose]();
    try {
      const { result, code } = await says("service://web/", "-R", "60", "-n", "60", "-w", "1");
      expect([98, 99]).toContain(code);
      expect(result?.requests).toMatchObject({ sent: 60, ok: 40, errors: 20 });
      await servers[1]?.[Symbol.asyncDispose]();
      await servers[2]?.[Symbol.asyncDispose]();
      const all = await says("service://web/", "-n", "60");
      expect(all).toMatchObject({ code: 5, error: { code: "BENCH_UNREACHABLE" } });
      expect(all.error?.hint).toContain("nothing listens there");
    } finally {
      for (const each of servers) await each[Symbol.asyncDispose]();
    }
  });
});
