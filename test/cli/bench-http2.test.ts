import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer, createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { benchCli } from "../support/bench-cli.ts";
import { Certificates } from "../support/certificates.ts";
import { RawServer, whole } from "../support/raw-server.ts";

const { says } = benchCli();

describe("HTTP/2", () => {
  it.each([
    ["max mode", ["-c", "2", "-n", "200"]],
    ["rate mode", ["-R", "100", "-n", "100"]],
  ])("%s: over TCP and TLS, asked for and found out", async (mode, load) => {
    using files = new Certificates();
    files.certificate("server", "IP:127.0.0.1", 2);
    const tls = { key: readFileSync(files.path("server.key")), cert: readFileSync(files.path("server.pem")) };
    const only = createSecureServer(tls);
    const both = createSecureServer({ ...tls, allowHTTP1: true });
    const plain = createServer();
    const versions = new Map<unknown, Set<string>>();
    for (const each of [plain, only, both]) {
      versions.set(each, new Set());
      each.on("request", (request, response) => {
        versions.get(each)?.add(request.httpVersion);
        response.end("hello");
      });
      each.listen(0, "127.0.0.1");
      await once(each, "listening");
    }
    const port = (of: Http2Server) => (of.address() as AddressInfo).port;
    try {
      const total = mode === "max mode" ? 200 : 100;
      for (const [url, of, flags] of [
        [`http://127.0.0.1:${port(plain)}/`, plain, ["--http2"]],
        [`http://127.0.0.1:${port(plain)}/`, plain, []],
        [`https://127.0.0.1:${port(only)}/`, only, ["-k"]],
        [`https://127.0.0.1:${port(both)}/`, both, ["-k", "--http2", "--streams", "3"]],
      ] as const) {
        versions.get(of)?.clear();
        const { result, error } = await says(url, ...load, ...flags);
        expect(result?.requests, JSON.stringify(error)).toMatchObject({ sent: total, ok: total });
        expect([...(versions.get(of) ?? [])]).toEqual(["2.0"]);
        expect(result?.engine).toBe(mode === "max mode" ? "loop" : "pacer");
        const isTold = result?.notes.includes("the target speaks HTTP/2 only, so that is used");
        expect(isTold).toBe(!(flags as readonly string[]).includes("--http2"));
      }
      // HTTP/1.1 only: nothing else is measured in its place.
      await using old = await RawServer.start(({ socket }) => socket.write(whole()), {
        tls: { key: tls.key.toString(), cert: tls.cert.toString() },
      });
      const refused = await says(`https://127.0.0.1:${old.port}/`, ...load, "-k", "--http2");
      expect(refused).toMatchObject({ code: 5, error: { code: "BENCH_UNREACHABLE" } });
      expect(refused.error?.message).toContain("does not speak HTTP/2");
      expect(refused.error?.hint).toContain("--http2");
      expect(old.requests).toBe(0);
    } finally {
      for (const each of [plain, only, both]) each.close();
    }
  });
});
