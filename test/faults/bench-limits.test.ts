import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { BenchResult } from "../../src/core/bench/result.ts";
import { shellQuote } from "../../src/core/util/shell-quote.ts";
import { expectExact } from "../support/bench-command.ts";
import { MODES } from "../support/bench-faults.ts";
import { benchRun } from "../support/bench-run.ts";
import { dcsBin, runProcess } from "../support/cli.ts";
import { startPtyOf } from "../support/pty.ts";
import { RawServer, whole } from "../support/raw-server.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

const box = sandboxPerTest();

describe("what this machine lacks", () => {
  const limited = (args: readonly string[]) => {
    const words = [process.execPath, process.env["DCS_TEST_BIN"] ?? dcsBin, "bench", ...args, "--json"];
    return runProcess(["bash", "-c", `ulimit -n 1024; exec ${words.map(shellQuote).join(" ")}`], {
      env: box.env,
    });
  };

  it("10,000 connections where 1,024 files may be open are refused before anything is sent", async () => {
    await using server = await RawServer.start(({ socket }) => socket.write(whole()));
    const { code, stdout } = await limited([server.url, "-c", "10000", "-d", "1s"]);
    const { error } = JSON.parse(stdout) as { readonly error: Readonly<Record<string, unknown>> };
    expect(error).toMatchObject({
      code: "USAGE",
      message: expect.stringMatching(/--connections 10000.*1024 files/),
      hint: expect.stringMatching(/ulimit -n 10064.*--connections 960/),
      details: { flag: "--connections", value: 10_000, allowed: 960 },
    });
    expect(code).toBe(2);
    expect(server.connections).toBe(0);
  });

  it("on a schedule what does not fit is dropped, and the run proves nothing", async () => {
    await using server = await RawServer.start(({ socket, number }) => {
      if (number === 1) socket.write(whole());
    });
    const { code, stdout } = await limited([
      server.url,
      "-R",
      "2000",
      "-d",
      "1s",
      "--warmup",
      "0",
      "--request-timeout",
      "5s",
    ]);
    const { error, data } = JSON.parse(stdout) as {
      readonly error: Readonly<Record<string, unknown>>;
      readonly data: BenchResult;
    };
    expectExact(data);
    // All were timeouts, which no doubt of the load explains.
    expect({ code, error }).toMatchObject({ code: 99, error: { code: "BENCH_FAILED" } });
    expect(data.requests.sent + data.requests.dropped).toBe(2000);
    expect(data.requests.sent).toBeLessThanOrEqual(960);
    expect(data.requests.timeouts).toBe(data.requests.sent);
    expect(data.reasons.join("; ")).toMatch(/\d+ requests were never sent, since 960 were under way/);
    await server.isLeft();
  });
});

describe("who watches", () => {
  const quick = ["-n", "50", "-c", "2"];

  it("takes one line, or has closed stdout, and gets no stack", async () => {
    await using server = await RawServer.start(({ socket }) => socket.write(whole()));
    const words = [process.execPath, process.env["DCS_TEST_BIN"] ?? dcsBin, "bench", server.url, ...quick];
    const command = words.map(shellQuote).join(" ");
    const shell = (script: string) => runProcess(["bash", "-c", script], { env: box.env });
    const first = await shell(`set -o pipefail; ${command} -q | head -1`);
    expect({ code: first.code, stderr: first.stderr, stdout: first.stdout }).toEqual({
      code: 0,
      stderr: "",
      stdout: `${server.url}\n`,
    });
    for (const closed of ["| true", ">&-", "2>&-", ">&- 2>&-"]) {
      const { code, stderr } = await shell(`set -o pipefail; ${command} ${closed}`);
      expect({ closed, code, stack: /^\s+at /m.test(stderr) }).toEqual({ closed, code: 0, stack: false });
    }
    await server.isLeft();
  });

  it("presses q, and gets the result of what there was", async () => {
    await using server = await RawServer.start(({ socket }) => setTimeout(() => socket.write(whole()), 20));
    using screen = startPtyOf(box, [
      process.execPath,
      process.env["DCS_TEST_BIN"] ?? dcsBin,
      ...["bench", server.url, "-R", "20", "-d", "60s", "--warmup", "0"],
    ]);
    await until(() => server.requests > 30, 20_000);
    screen.type("q");
    const code = await screen.done;
    expect(screen.text()).toContain("it was stopped early; these are the numbers until then");
    expect(screen.text()).toMatch(/requests +\d+ sent/);
    expect([0, 98]).toContain(code);
    await server.isLeft();
  });

  it("presses Ctrl-C", async () => {
    await using server = await RawServer.start(({ socket }) => setTimeout(() => socket.write(whole()), 500));
    using screen = startPtyOf(box, [
      process.execPath,
      process.env["DCS_TEST_BIN"] ?? dcsBin,
      ...["bench", server.url, "-c", "10", "-d", "60s", "--warmup", "0"],
    ]);
    await until(() => server.requests > 12, 20_000);
    screen.type("\u0003");
    expect(await screen.done).toBe(130);
    expect(screen.text()).toContain("error INTERRUPTED: the benchmark was stopped early");
    expect(screen.text()).toMatch(/\d+ unfinished/);
    await server.isLeft();
  });
});

it.each(MODES)("%s: the library leaves no thread and no connection behind", async (_mode, flags) => {
  const threads = () => readdirSync("/proc/self/task").length;
  // Not the first of a connection, which may be the probe.
  await using server = await RawServer.start(({ socket, ofConnection }) => {
    if (ofConnection === 7) socket.destroy();
    else socket.write(whole());
  });
  const load = flags[0] === "-R" ? { rate: 50 } : { connections: 4 };
  const once = () => benchRun(server.url, { ...load, workers: 2, duration: 500, warmup: 100 });
  await once();
  await server.isLeft();
  const before = threads();
  for (let time = 0; time < 3; time++) {
    const stop = new AbortController();
    const running = benchRun(server.url, { ...load, workers: 2, duration: 60_000, signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 200 + 300 * time));
    stop.abort(new Error("enough"));
    await running.then(expectExact, (error: unknown) => expect(String(error)).toContain("enough"));
    await server.isLeft();
  }
  await until(() => threads() <= before, 5000);
});
