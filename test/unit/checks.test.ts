import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server as GrpcServer, ServerCredentials, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import type { CheckEndpoint, CheckResult } from "../../src/core/registry/checks/check.ts";
import {
  decodeHealthResponse,
  encodeHealthRequest,
  HEALTH_CHECK_METHOD,
} from "../../src/core/registry/checks/grpc-health.ts";
import { parseCheck } from "../../src/core/registry/checks/parse-check.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listening(server: Server, host = "127.0.0.1"): Promise<CheckEndpoint> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closing.push(() => server.close());
  return { host, port: (server.address() as AddressInfo).port };
}

async function http(answer: RequestListener, host?: string): Promise<CheckEndpoint> {
  const server = createServer(answer);
  closing.push(() => server.closeAllConnections());
  return listening(server, host);
}

async function closedPort(): Promise<CheckEndpoint> {
  const server = createTcpServer();
  const endpoint = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return endpoint;
}

/** Accepts, and never says a word. */
const silent = () => {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    closing.push(() => socket.destroy());
  });
  return listening(server);
};

const run = (spec: string, endpoint: CheckEndpoint, timeoutMs = 2000): Promise<CheckResult> =>
  parseCheck(spec).run({ endpoint, timeoutMs });

describe("parseCheck", () => {
  test.each([
    ["http:/healthz", "http"],
    ["https:/healthz?deep=1", "http"],
    ["http:", "http"],
    ["http", "http"],
    ["http://127.0.0.1:81/x", "http"],
    ["tcp", "tcp"],
    ["grpc", "grpc"],
    ["grpc:my.Service", "grpc"],
    ["exec:test -e /tmp: && true", "exec"],
  ])("reads %s", (text, kind) => {
    expect(parseCheck(text)).toMatchObject({ kind, spec: text });
  });

  test.each([
    "",
    "ftp:/x",
    "tcp:",
    "exec",
    "exec: ",
    "http:x",
    "http://",
    "http:/a b",
    "http:/a\nb",
    "grpc:a\nb",
  ])("refuses %j and says what is allowed", (text) => {
    expect(() => parseCheck(text, "--check")).toThrow(
      expect.objectContaining({
        code: "USAGE",
        details: expect.objectContaining({ flag: "--check", value: text }),
      }),
    );
  });
});

describe("http", () => {
  test.each([
    [200, true],
    [204, true],
    [302, true],
    [404, false],
    [503, false],
  ])("a %i answer is %s", async (code, ok) => {
    const endpoint = await http((_request, response) => response.writeHead(code).end("body"));
    expect(await run("http:/", endpoint)).toMatchObject({ ok, detail: `HTTP ${code}` });
  });

  test("asks for the path, escaped, at the endpoint, and closes", async () => {
    let seen: string | undefined;
    let connection: string | undefined;
    const endpoint = await http((request, response) => {
      seen = `${request.method} ${request.url} ${request.headers.host}`;
      connection = request.headers.connection;
      response.end();
    });
    expect(await run("http:/hé?a=1", endpoint)).toMatchObject({ ok: true });
    expect(seen).toBe(`GET /h%C3%A9?a=1 127.0.0.1:${endpoint.port}`);
    expect(connection).toBe("close");
  });

  test("takes a URL of its own", async () => {
    const { port } = await http((request, response) =>
      response.writeHead(request.url === "/own" ? 200 : 500).end(),
    );
    expect(await run(`http://127.0.0.1:${port}/own`, await closedPort())).toMatchObject({ ok: true });
  });

  test("does not wait for an endless body", async () => {
    const endpoint = await http((_request, response) => void response.writeHead(200).write("and"));
    const result = await run("http:/", endpoint);
    expect(result.ok).toBe(true);
    expect(result.durationMs).toBeLessThan(1000);
  });

  test("IPv6", async () => {
    const endpoint = await http((_request, response) => response.end(), "::1");
    expect(await run("http:/", endpoint)).toMatchObject({ ok: true });
    expect(await run("tcp", endpoint)).toMatchObject({ ok: true });
  });
});

describe("tcp", () => {
  test("a listener, and none", async () => {
    expect(await run("tcp", await silent())).toMatchObject({ ok: true, detail: "connected" });
    expect(await run("tcp", await closedPort())).toMatchObject({ ok: false, detail: "connection refused" });
  });

  test("a name that does not exist", async () => {
    expect((await run("tcp", { host: "no-such-host.invalid", port: 1 })).ok).toBe(false);
  });
});

describe("grpc", () => {
  async function health(answers: Readonly<Record<string, number>>): Promise<CheckEndpoint> {
    const server = new GrpcServer();
    server.addService(
      {
        Check: {
          path: HEALTH_CHECK_METHOD,
          requestStream: false,
          responseStream: false,
          requestSerialize: (value: Buffer) => value,
          requestDeserialize: (value: Buffer) => ({ service: value.subarray(2).toString() }),
          responseSerialize: (value: number) => Buffer.from([8, value]),
          responseDeserialize: (value: Buffer) => value,
        },
      },
      {
        Check: (
          call: { request: { service: string } },
          reply: (error: { code: status; details: string } | null, value?: number) => void,
        ) => {
          const answer = answers[call.request.service];
          if (answer === undefined) reply({ code: status.NOT_FOUND, details: "unknown service" });
          else reply(null, answer);
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    closing.push(() => server.forceShutdown());
    return { host: "127.0.0.1", port };
  }

  test("only SERVING is well", async () => {
    const endpoint = await health({ "": 1, "a.B": 2, odd: 77 });
    expect(await run("grpc", endpoint)).toMatchObject({ ok: true, detail: "SERVING" });
    expect(await run("grpc:a.B", endpoint)).toMatchObject({ ok: false, detail: "NOT_SERVING" });
    expect(await run("grpc:odd", endpoint)).toMatchObject({ ok: false, detail: "status 77" });
    expect(await run("grpc:none", endpoint)).toMatchObject({
      ok: false,
      detail: "NOT_FOUND: unknown service",
    });
  });

  test("nobody there, or no gRPC there", async () => {
    expect(await run("grpc", await closedPort())).toMatchObject({ ok: false });
    expect(await run("grpc", await http((_request, response) => response.end("hi")))).toMatchObject({
      ok: false,
    });
  });

  test("the messages", () => {
    expect(encodeHealthRequest("")).toEqual(Buffer.alloc(0));
    expect(encodeHealthRequest("ab")).toEqual(Buffer.from([0x0a, 2, 0x61, 0x62]));
    expect([...encodeHealthRequest("x".repeat(300)).subarray(0, 3)]).toEqual([0x0a, 0xac, 0x02]);
    expect(decodeHealthResponse(Buffer.from([]))).toBe("UNKNOWN");
    expect(decodeHealthResponse(Buffer.from([8, 1]))).toBe("SERVING");
    expect(decodeHealthResponse(Buffer.from([0x12, 1, 0x61, 8, 1, 0x1d, 1, 2, 3, 4]))).toBe("SERVING");
    for (const bad of [[8], [0x12, 9, 1], [0x0b], [8, ...Buffer.alloc(11, 0x80)]]) {
      expect(() => decodeHealthResponse(Buffer.from(bad))).toThrow();
    }
  });
});

describe("exec", () => {
  const endpoint = { host: "10.1.2.3", port: 8080 };

  test.each([
    ["exec:true", true, "exit 0"],
    ["exec:echo first; echo; echo last 1>&2; exit 3", false, "exit 3: last"],
    ["exec:kill -9 $$", false, "killed by SIGKILL"],
    ['exec:echo "$DCS_ENDPOINT $DCS_HOST $DCS_PORT"', true, "exit 0: 10.1.2.3:8080 10.1.2.3 8080"],
    ["exec:no-such-command-of-dcs 2>/dev/null", false, "exit 127"],
    ["exec:printf 'a\\033[2Jb'", true, "exit 0: a [2Jb"],
    ["exec:head -c 1000000 /dev/zero | tr '\\0' '\\n'; echo end", true, "exit 0: end"],
  ])("%s", async (spec, ok, detail) => {
    expect(await run(spec, endpoint)).toMatchObject({ ok, detail });
  });

  test("the timeout kills its whole group", async () => {
    const dir = mkdtempSync(join(tmpdir(), "dcs-check-"));
    const file = join(dir, "pids");
    const result = await run(`exec:sleep 30 & echo $! >> ${file}; echo $$ >> ${file}; wait`, endpoint, 200);
    expect(result).toMatchObject({ ok: false, detail: "no answer within 200 ms" });
    expect(result.durationMs).toBeLessThan(1000);
    for (const pid of readFileSync(file, "utf8").trim().split("\n")) {
      const stat = `/proc/${pid}/stat`;
      await expect.poll(() => !existsSync(stat) || / [ZX] /.test(readFileSync(stat, "latin1"))).toBe(true);
    }
    rmSync(dir, { recursive: true });
  });

  test("what it leaves running does not hold the check up", async () => {
    expect((await run("exec:sleep 30 & exit 0", endpoint)).durationMs).toBeLessThan(500);
    // setsid takes it out of the group, with our pipe
    expect((await run("exec:setsid sleep 1 & sleep 0.05; exit 0", endpoint)).durationMs).toBeLessThan(900);
  });
});

describe("any check", () => {
  test.each(["http:/", "grpc"])("%s fails at the timeout", async (spec) => {
    const result = await run(spec, await silent(), 300);
    expect(result).toMatchObject({ ok: false, detail: "no answer within 300 ms" });
    expect(result.durationMs).toBeLessThan(900);
  });

  test.each(["http:/", "grpc", "exec:sleep 30", "tcp"])("%s is given up when told", async (spec) => {
    const giveUp = new AbortController();
    const endpoint = await silent();
    const running = parseCheck(spec).run({ endpoint, timeoutMs: 10_000, signal: giveUp.signal });
    giveUp.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    await expect(parseCheck(spec).run({ endpoint, timeoutMs: 10, signal: giveUp.signal })).rejects.toThrow(
      "enough",
    );
  });
});
