import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { BenchResult } from "../../src/core/bench/result.ts";
import { shellQuote } from "../../src/core/util/shell-quote.ts";
import { type BenchSaid, benchSays, expectExact, startBench } from "../support/bench-command.ts";
import { benchRun } from "../support/bench-run.ts";
import { Certificates } from "../support/certificates.ts";
import { dcsBin, runProcess } from "../support/cli.ts";
import { startKnownServer } from "../support/known-server.ts";
import { startPtyOf } from "../support/pty.ts";
import { type RawRequest, RawServer, whole } from "../support/raw-server.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

const box = sandboxPerTest();

/** Max mode is sent by autocannon, rate mode by dcs. */
const MODES = [
  ["max mode", ["-c", "4", "-w", "1"]],
  ["rate mode", ["-R", "50", "-w", "1"]],
] as const;
const SHORT = ["--warmup", "0", "--request-timeout", "1s"];

function resultOf({ result, error, stderr }: BenchSaid): BenchResult {
  if (result === null) throw new Error(`no result: ${JSON.stringify(error)} ${stderr}`);
  return result;
}

/** The errors are told; a machine that is busy with other things may make it say that nothing is proved by them. */
function expectFailed({ code, error, result }: BenchSaid): void {
  expect([98, 99]).toContain(code);
  expect(error?.code).toBe(code === 99 ? "BENCH_FAILED" : "BENCH_INVALID");
  expect(result?.reasons.join("; ")).toContain("error_rate is");
}

function kindsOf({ errors }: BenchResult): readonly string[] {
  return errors.map(({ kind }) => kind).toSorted();
}

/** Good answers, but for the requests of which `isBad` says so; the first is the probe. */
function sometimes(isBad: (number: number) => boolean, bad: (request: RawRequest) => void) {
  return (request: RawRequest) => {
    if (isBad(request.number)) bad(request);
    else setTimeout(() => request.socket.write(whole()), 2);
  };
}

describe.each(MODES)("%s: from the middle", (mode, flags) => {
  const run = (url: string, ...more: readonly string[]) =>
    benchSays(box, [url, "-d", "1s", ...flags, ...SHORT, ...more]);

  it("the target is killed", async () => {
    await using server = await startKnownServer();
    const { said } = startBench(box, [`${server.origin}/constant?ms=5`, "-d", "2s", ...flags, ...SHORT]);
    await until(async () => (await server.count("/constant")) > 20, 20_000);
    process.kill(server.pid, "SIGKILL");
    const all = await said;
    const { tookMs, result } = all;
    expectFailed(all);
    expect(tookMs).toBeLessThan(15_000);
    const { requests, errors } = result as BenchResult;
    expect(requests.ok).toBeGreaterThan(10);
    expect(requests.errors).toBeGreaterThan(10);
    expect(errors[0]).toMatchObject({
      kind: "ECONNREFUSED",
      example: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("it stalls for ever", async () => {
    await using server = await RawServer.start(
      sometimes(
        (number) => number > 20,
        () => {},
      ),
    );
    const said = await run(server.url);
    const { requests, errors, durationMs } = resultOf(said);
    expectFailed(said);
    expect(requests).toMatchObject({ ok: 19, errors: 0, unfinished: 0 });
    expect(requests.timeouts).toBe(requests.sent - 19);
    expect(errors).toEqual([
      {
        kind: "timeout",
        count: requests.timeouts,
        example: expect.stringMatching(/^no answer after \d+ ms$/),
      },
    ]);
    expect(durationMs).toBeLessThan(1200);
    if (mode === "rate mode") expect(requests.sent).toBe(50);
    await server.isLeft();
  });

  it("every fifth connection is reset in the middle of an answer", async () => {
    await using server = await RawServer.start(
      sometimes(
        (number) => number % 5 === 0,
        ({ socket }) => {
          socket.write(`${whole("x".repeat(100)).slice(0, 80)}`, () => socket.resetAndDestroy());
        },
      ),
    );
    const all = await run(server.url);
    const { result } = all;
    const { requests, errors } = result as BenchResult;
    expectFailed(all);
    expect(requests.timeouts + requests.unfinished).toBe(0);
    expect(requests.sent).toBe(server.requests - 1);
    expect(requests.errors).toBe(Math.floor(server.requests / 5));
    expect(errors.map(({ kind }) => kind)).toEqual(["ECONNRESET"]);
    await server.isLeft();
  });

  it("every fifth answer is garbage", async () => {
    await using server = await RawServer.start(
      sometimes(
        (number) => number % 5 === 0,
        ({ socket }) => socket.write("\u0000\u0001 this is not HTTP\r\n\r\n"),
      ),
    );
    const all = await run(server.url);
    const { result } = all;
    const { requests } = result as BenchResult;
    expectFailed(all);
    expect(requests.sent).toBe(server.requests - 1);
    expect(requests.errors).toBe(Math.floor(server.requests / 5));
    expect(kindsOf(result as BenchResult)).toEqual(["garbage"]);
    await server.isLeft();
  });

  it("half an answer, and then another that is garbage behind it", async () => {
    await using server = await RawServer.start(
      sometimes(
        (number) => number % 5 === 0,
        ({ socket }) => socket.end("HTTP/1.1 200 OK\r\nContent-Len"),
      ),
    );
    const { result } = await run(server.url);
    const { requests } = result as BenchResult;
    expect(requests.sent).toBe(server.requests - 1);
    expect(requests.errors).toBe(Math.floor(server.requests / 5));
    await server.isLeft();
  });

  it("connections are closed in good order after ten answers", async () => {
    await using server = await RawServer.start(({ socket, ofConnection }) => {
      if (ofConnection < 10) socket.write(whole("hello", "Connection: keep-alive"));
      else socket.end(whole("hello", "Connection: close"));
    });
    const { result } = await run(server.url);
    const { requests } = result as BenchResult;
    expect(requests).toEqual({ ...requests, ok: requests.sent, errors: 0, timeouts: 0, unfinished: 0 });
    expect(requests.sent).toBeGreaterThan(20);
    expect(requests.sent).toBe(server.requests - 1);
    await server.isLeft();
  });

  it("connections are closed without a word after ten answers", async () => {
    await using server = await RawServer.start(({ socket, ofConnection }) => {
      socket.write(whole("hello"));
      if (ofConnection === 10) socket.end();
    });
    const { result } = await run(server.url);
    const { requests } = result as BenchResult;
    // In max mode the next is on its way before the end of the connection is seen: it has no answer, and the server saw it.
    expect(requests.ok).toBe(server.requests - 1 - requests.errors);
    if (mode === "rate mode") expect(requests.errors).toBe(0);
    else expect(requests.errors / requests.sent).toBeLessThan(0.12);
    expect(requests.timeouts + requests.unfinished).toBe(0);
    await server.isLeft();
  });

  it("every fifth connection is half-closed without an answer", async () => {
    await using server = await RawServer.start(
      sometimes(
        (number) => number % 5 === 0,
        ({ socket }) => socket.end(),
      ),
    );
    const all = await run(server.url);
    const { result } = all;
    const { requests, errors } = result as BenchResult;
    expectFailed(all);
    expect(requests.sent).toBe(server.requests - 1);
    expect(requests.errors).toBe(Math.floor(server.requests / 5));
    expect(errors.map(({ kind }) => kind)).toEqual(["closed"]);
    await server.isLeft();
  });

  it("every fifth body is cut short", async () => {
    await using server = await RawServer.start(
      sometimes(
        (number) => number % 5 === 0,
        ({ socket }) => socket.end(whole("x".repeat(100)).slice(0, -50)),
      ),
    );
    const all = await run(server.url);
    const { result } = all;
    const { requests, errors } = result as BenchResult;
    expectFailed(all);
    expect(requests.sent).toBe(server.requests - 1);
    expect(requests.errors).toBe(Math.floor(server.requests / 5));
    expect(errors.map(({ kind }) => kind)).toEqual(["closed"]);
    await server.isLeft();
  });

  it("a hint goes before each answer", async () => {
    await using server = await RawServer.start(({ socket }) =>
      socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${whole()}`),
    );
    const { result } = await run(server.url);
    const { requests } = result as BenchResult;
    expect(requests.ok).toBe(requests.sent);
    expect(requests.sent).toBe(server.requests - 1);
    await server.isLeft();
  });

  it("a body ends with its connection", async () => {
    await using server = await RawServer.start(({ socket }) =>
      socket.end("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"),
    );
    const { result } = await run(server.url);
    const { requests } = result as BenchResult;
    expect(requests.ok).toBe(requests.sent);
    expect(requests.sent).toBe(server.requests - 1);
    await server.isLeft();
  });

  it("a target is away for a second, and comes back", async () => {
    const answer = sometimes(
      () => false,
      () => {},
    );
    let server = await RawServer.start(answer);
    const { port, url } = server;
    const { said } = startBench(box, [url, "-d", "4s", ...flags, ...SHORT]);
    await until(() => server.requests > 20, 20_000);
    await server[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    server = await RawServer.start(answer, { port });
    try {
      const all = await said;
      const { requests, series } = resultOf(all);
      expectFailed(all);
      expect(requests.errors).toBeGreaterThan(5);
      expect(server.requests).toBeGreaterThan(20);
      expect(series.at(-1)).toMatchObject({ errors: 0, timeouts: 0 });
      expect(series.at(-1)?.ok).toBeGreaterThan(0);
      await server.isLeft();
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  it.each([
    ["SIGINT", 130, "INTERRUPTED"],
    ["SIGTERM", 143, "TERMINATED"],
  ] as const)("%s stops it, and it reports", async (signal, code, name) => {
    await using server = await RawServer.start(
      sometimes(
        (number) => number > 30,
        () => {},
      ),
    );
    const { dcs, said } = startBench(box, [server.url, "-d", "60s", ...flags, "--warmup", "0"]);
    await until(() => server.requests > 33, 20_000);
    dcs.process.kill(signal);
    const at = performance.now();
    const { result, error, ...rest } = await said;
    expect(rest.code).toBe(code);
    expect(error).toMatchObject({ code: name });
    expect(performance.now() - at).toBeLessThan(5000);
    const { requests, endedBy, durationMs } = result as BenchResult;
    expect(endedBy).toBe("person");
    // Fewer than it answered where this machine was too busy to look at the answers.
    expect(requests.ok).toBeLessThanOrEqual(29);
    expect(requests).toMatchObject({ errors: 0, timeouts: 0, unfinished: requests.sent - requests.ok });
    expect(requests.unfinished).toBeGreaterThan(0);
    expect(durationMs).toBeLessThan(30_000);
    await server.isLeft();
  });

  it("SIGINT before the first request was sent, and right after", async () => {
    for (let delay = 0; delay < 8; delay++) {
      await using server = await RawServer.start(({ socket }) => socket.write(whole()));
      const { dcs, said } = startBench(box, [server.url, "-d", "60s", ...flags, "--warmup", "0"]);
      await until(() => server.requests > 0, 20_000, 1);
      await new Promise((resolve) => setTimeout(resolve, delay * 25));
      dcs.process.kill("SIGINT");
      const at = performance.now();
      expect((await said).code).toBe(130);
      expect(performance.now() - at).toBeLessThan(5000);
      await server.isLeft();
    }
  });
});

describe.each(MODES)("%s: a target that cannot be used", (_mode, flags) => {
  const refusal = async (url: string, ...more: readonly string[]) => {
    const { code, error, result, tookMs } = await benchSays(box, [url, "-d", "1s", ...flags, ...more]);
    expect(result).toBeNull();
    expect(tookMs).toBeLessThan(15_000);
    expect(error?.code).toBe("BENCH_UNREACHABLE");
    expect(code).toBe(5);
    return `${error?.message}; try: ${error?.hint}`;
  };

  it("refuses connections", async () => {
    const server = await RawServer.start(() => {});
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const said = await refusal(url);
    expect(said).toContain(`${url} did not answer the first request: connect ECONNREFUSED`);
    expect(said).toContain("nothing listens there");
  });

  it("never answers", async () => {
    await using server = await RawServer.start(() => {});
    expect(await refusal(server.url, "--request-timeout", "300ms")).toContain("no answer within 300 ms");
    await server.isLeft();
  });

  it("answers garbage", async () => {
    await using server = await RawServer.start(({ socket }) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    const said = await refusal(server.url);
    expect(said).toContain("does not speak HTTP: check the port and the scheme");
    await server.isLeft();
  });

  it("closes without an answer", async () => {
    await using server = await RawServer.start(({ socket }) => socket.end());
    expect(await refusal(server.url)).toContain("check the port and the scheme");
    await server.isLeft();
  });

  it("resets", async () => {
    await using server = await RawServer.start(({ socket }) => socket.resetAndDestroy());
    expect(await refusal(server.url)).toContain("ECONNRESET");
  });

  it("cuts its first body short", async () => {
    await using server = await RawServer.start(({ socket }) =>
      socket.end(whole("x".repeat(100)).slice(0, -50)),
    );
    expect(await refusal(server.url)).toContain("closed");
  });

  it("has a name that nobody knows", async () => {
    const said = await refusal("http://nobody.invalid/");
    expect(said).toContain("nobody.invalid");
    expect(said).toContain("check the host's name");
  });

  it("speaks TLS where HTTP is spoken to it, and the other way round", async () => {
    using files = new Certificates();
    files.certificate("server", "IP:127.0.0.1", 2);
    await using secure = await tlsServer(files, "server");
    expect(await refusal(`http://127.0.0.1:${secure.port}/`)).toMatch(
      /closed|does not speak HTTP|ECONNRESET/,
    );
    await using plain = await RawServer.start(({ socket }) => socket.write(whole()));
    expect(await refusal(`https://127.0.0.1:${plain.port}/`, "--request-timeout", "2s")).toMatch(
      /wrong version number|no answer within|does not speak/,
    );
  });

  it("has a certificate that is not to be believed", async () => {
    using files = new Certificates();
    files.certificate("server", "IP:127.0.0.1", 2);
    files.certificate("other", "DNS:example.test", 2);
    files.certificate("old", "IP:127.0.0.1", -1);
    await using server = await tlsServer(files, "server");
    const url = `https://127.0.0.1:${server.port}/`;
    expect(await refusal(url)).toMatch(/certificate.*--ca FILE, or --insecure/);
    for (const trust of [["--ca", files.path("ca.pem")], ["--insecure"]]) {
      const { code, result } = await benchSays(box, [url, "-n", "200", ...flags, ...trust]);
      expect([0, 98]).toContain(code);
      expect(result?.requests).toMatchObject({ sent: 200, ok: 200 });
    }
    await using other = await tlsServer(files, "other");
    const otherUrl = `https://127.0.0.1:${other.port}/`;
    expect(await refusal(otherUrl, "--ca", files.path("ca.pem"))).toMatch(/127\.0\.0\.1.*--insecure/);
    expect((await benchSays(box, [otherUrl, "-n", "10", ...flags, "-k"])).result?.requests.ok).toBe(10);
    await using old = await tlsServer(files, "old");
    expect(await refusal(`https://127.0.0.1:${old.port}/`, "--ca", files.path("ca.pem"))).toMatch(
      /expired.*--insecure/,
    );
    for (const each of [server, other, old]) await each.isLeft();
  });
});

function tlsServer(files: Certificates, name: string): Promise<RawServer> {
  const [key, cert] = [`${name}.key`, `${name}.pem`].map((file) => readFileSync(files.path(file), "utf8"));
  return RawServer.start(({ socket }) => socket.write(whole()), {
    tls: { key: key ?? "", cert: cert ?? "" },
  });
}

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
