import { describe, expect, it } from "vitest";
import type { BenchResult } from "../../src/core/bench/result.ts";
import { resultOf } from "../support/bench-cli.ts";
import { benchSays, startBench } from "../support/bench-command.ts";
import { expectFailed, kindsOf, MODES, SHORT, sometimes } from "../support/bench-faults.ts";
import { startKnownServer } from "../support/known-server.ts";
import { RawServer, whole } from "../support/raw-server.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

const box = sandboxPerTest();

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
