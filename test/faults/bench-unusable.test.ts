import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { benchSays } from "../support/bench-command.ts";
import { MODES } from "../support/bench-faults.ts";
import { Certificates } from "../support/certificates.ts";
import { RawServer, whole } from "../support/raw-server.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";

const box = sandboxPerTest();

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
