import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { fail, ok, warn } from "../../../src/core/doctor/check.ts";
import { compareVersions, isLoopback } from "../../../src/core/doctor/host.ts";
import { lockGrade } from "../../../src/core/doctor/lock-grade.ts";
import { clockDifference } from "../../../src/core/doctor/measures.ts";
import { parseMysqlGreeting, readMysqlGreeting } from "../../../src/core/doctor/mysql/mysql-greeting.ts";
import { parseInfo } from "../../../src/core/doctor/redis/redis-facts.ts";

describe("versions", () => {
  it("are compared as numbers", () => {
    expect(compareVersions("6.10.0", "6.2")).toBeGreaterThan(0);
    expect(compareVersions("3.4.0-rc.1", "3.4")).toBe(0);
    expect(compareVersions("3.3.27", "3.4")).toBeLessThan(0);
    expect(compareVersions("10.11.19-MariaDB-0+deb12u1", "10.6")).toBeGreaterThan(0);
  });
});

describe("a clock difference", () => {
  it("is counted from the middle of the round trip, and is a warning only beyond what can be told", () => {
    expect(clockDifference(1050, 1000, 1100)).toMatchObject({
      status: "ok",
      data: { differenceMs: 0, exactToMs: 50 },
    });
    expect(clockDifference(4000, 1000, 1100)).toMatchObject({ status: "warn", data: { differenceMs: 2950 } });
    expect(clockDifference(4000, 1000, 9000)).toMatchObject({ status: "ok" });
  });

  it("of a date in whole seconds is exact to half of one", () => {
    expect(clockDifference(1000, 1400, 1600, 1000)).toMatchObject({
      status: "ok",
      data: { differenceMs: 0, exactToMs: 600 },
    });
  });
});

describe("loopback", () => {
  it.each(["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "::1"])("is %s", (host) => {
    expect(isLoopback(host)).toBe(true);
  });
  it.each(["10.0.0.1", "db", "127.example.org", "0.0.0.0"])("is not %s", (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});

describe("the grade of locks", () => {
  it("is correctness unless a finding says why not", () => {
    expect(lockGrade([ok("a", ""), warn("b", "", "x")])).toEqual({ grade: "correctness", reasons: [] });
    expect(lockGrade([warn("b", "", "x", { weakens: "b" }), fail("c", "", "x", { weakens: "c" })])).toEqual({
      grade: "efficiency only",
      reasons: ["b", "c"],
    });
  });

  it("is unknown when nothing could be looked at", () => {
    expect(lockGrade([fail("reachable", "no answer", "x")])).toEqual({
      grade: "unknown",
      reasons: ["no answer"],
    });
  });
});

describe("INFO", () => {
  it("is read by field, whatever its values hold", () => {
    const info = parseInfo("# Server\r\nredis_version:7.0.15\r\nexecutable:/usr/bin/a:b\r\n\r\n");
    expect(info?.get("redis_version")).toBe("7.0.15");
    expect(info?.get("executable")).toBe("/usr/bin/a:b");
    expect(parseInfo(null)).toBeNull();
  });
});

function greeting(version: string, capabilities: number): Buffer {
  const flags = Buffer.alloc(2);
  flags.writeUInt16LE(capabilities);
  return Buffer.concat([Buffer.of(10), Buffer.from(version), Buffer.alloc(1 + 4 + 8 + 1), flags]);
}

describe("the greeting of MySQL and MariaDB", () => {
  it("tells the version and whether TLS is offered", () => {
    expect(parseMysqlGreeting(greeting("5.5.5-10.11.19-MariaDB-1", 0x0800))).toEqual({
      version: "10.11.19-MariaDB-1",
      isMariaDb: true,
      offersTls: true,
    });
    expect(parseMysqlGreeting(greeting("8.4.2", 0))).toMatchObject({ version: "8.4.2", isMariaDb: false });
  });

  it("may be a refusal, or something else's", () => {
    const refusal = Buffer.concat([Buffer.of(0xff, 0x69, 0x04), Buffer.from("Host '::1' is not allowed")]);
    expect(parseMysqlGreeting(refusal)).toBe("Host '::1' is not allowed");
    expect(parseMysqlGreeting(Buffer.from("SSH-2.0-x"))).toMatch(/neither MySQL nor MariaDB/);
  });

  it("may come in pieces, or never", async () => {
    const payload = greeting("8.4.2", 0x0800);
    const packet = Buffer.concat([Buffer.of(payload.length, 0, 0, 0), payload]);
    let isSilent = false;
    const server = createServer((socket) => {
      socket.on("error", () => {});
      if (isSilent) return;
      socket.write(packet.subarray(0, 9));
      setTimeout(() => socket.write(packet.subarray(9)), 20);
    });
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve(Number(Object(server.address()).port))),
    );
    try {
      expect(await readMysqlGreeting("127.0.0.1", port, 2000)).toMatchObject({
        version: "8.4.2",
        offersTls: true,
      });
      isSilent = true;
      await expect(readMysqlGreeting("127.0.0.1", port, 50)).rejects.toThrow("no greeting within 50 ms");
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
