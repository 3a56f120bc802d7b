import { describe, expect, it } from "vitest";
import { type Finding, fail, ok } from "../../../src/core/doctor/check.ts";
import { gradeFindings } from "../../../src/core/doctor/lock-grade.ts";
import { parseInfo } from "../../../src/core/doctor/redis/redis-facts.ts";
import { examineFacts } from "../../../src/core/doctor/redis/redis-settings.ts";
import { type QuorumServer, weighQuorum } from "../../../src/core/doctor/redis/weigh-quorum.ts";
import { parseRedisTarget, type RedisAddress } from "../../../src/core/redis/redis-url.ts";

const GOOD = { maxmemory: "0", "maxmemory-policy": "noeviction", appendonly: "yes", appendfsync: "always" };
const FORGETS = { config: { appendonly: "no" } };
const EVICTS = { config: { "maxmemory-policy": "volatile-lru", maxmemory: "1000" } };
const REFUSED = { more: [fail("commands", "refused: EVALSHA", "redis-cli ACL SETUSER")] };
const SILENT = { silent: true };
const CLOCK_BEHIND = { clockMs: -300_000 };
const CLOCK_AHEAD = { clockMs: 300_000 };

interface Server {
  readonly config?: Readonly<Record<string, string>>;
  readonly info?: Readonly<Record<string, string | number>>;
  readonly clockMs?: number;
  readonly silent?: boolean;
  readonly more?: readonly Finding[];
}

/** What the examination of such a server finds. */
function examined(address: RedisAddress, server: Server = {}): QuorumServer {
  const { config = {}, info = {}, clockMs = 0, silent = false, more = [] } = server;
  const node = `${address.host}:${address.port}`;
  const found = { node, address };
  if (silent) return { ...found, facts: null, findings: [fail("reachable", "no answer", "redis-cli PING")] };
  const old = { redis_version: "7.0.15", role: "master", run_id: node, uptime_in_seconds: 86_400 };
  const text = Object.entries({ ...old, connected_slaves: 0, ...info }).map((field) => field.join(":"));
  const facts = {
    info: parseInfo(text.join("\r\n")),
    config: new Map(Object.entries({ ...GOOD, save: "", ...config })),
  };
  const clock = ok("clock", "", { differenceMs: clockMs });
  return { ...found, facts, findings: [clock, ...examineFacts(facts, address), ...more] };
}

function weigh(servers: readonly Server[], parameters = ""): readonly Finding[] {
  const target = parseRedisTarget(`redis://a,b,c${parameters}`);
  if (target.kind !== "quorum") throw new Error("no quorum");
  return weighQuorum(
    target,
    target.servers.map((address, i) => examined(address, servers[i])),
  );
}

describe("a quorum of three", () => {
  it.each<[string, readonly Server[], string, string[]]>([
    ["all as it should be", [], "correctness", []],
    ["that forget at a restart, which is seen", [FORGETS, FORGETS, FORGETS], "correctness", []],
    ["of which one is silent", [SILENT], "correctness", []],
    ["of which one cannot lock", [REFUSED], "correctness", []],
    ["of which one is silent and one cannot lock", [SILENT, REFUSED], "unusable", ["commands"]],
    ["of which two cannot lock", [REFUSED, REFUSED], "unusable", ["commands", "commands"]],
    ["of which two are silent", [SILENT, SILENT], "unknown", ["reachable"]],
    ["of which one evicts, which nobody sees", [EVICTS], "efficiency only", ["eviction"]],
    ["of which one has a replica", [{ info: { connected_slaves: 1 } }], "efficiency only", ["replicas"]],
    [
      "with two names of one server",
      [{ info: { run_id: "x" } }, { info: { run_id: "x" } }],
      "efficiency only",
      ["independent"],
    ],
    ["with clocks ten minutes apart", [CLOCK_BEHIND, CLOCK_AHEAD], "efficiency only", ["clocks"]],
    ["with clocks five minutes apart", [CLOCK_BEHIND], "correctness", []],
    ["of which one has just started", [{ info: { uptime_in_seconds: 1 } }], "correctness", []],
    [
      "of which two have just started",
      [{ info: { uptime_in_seconds: 1 } }, { info: { uptime_in_seconds: 2 } }],
      "unusable",
      ["young"],
    ],
  ])("%s", (_what, servers, grade, checks) => {
    const verdict = gradeFindings(weigh(servers));
    expect(verdict.grade).toBe(grade);
    expect(verdict.reasons.map(({ check }) => check)).toEqual(checks);
  });

  it("with young=count has that as its one reason, not what each server keeps", () => {
    const findings = weigh([FORGETS, FORGETS, FORGETS], "?young=count");
    expect(gradeFindings(findings)).toMatchObject({
      grade: "efficiency only",
      reasons: [{ check: "young", status: "warn" }],
    });
    expect(findings.filter(({ status }) => status !== "ok")).toMatchObject([{ check: "young" }]);
  });

  it("says of a server that cannot lock what is wrong, as a warning", () => {
    expect(weigh([REFUSED]).filter(({ status }) => status !== "ok")).toMatchObject([
      { check: "commands", status: "warn", detail: "a:6379: refused: EVALSHA" },
    ]);
  });
});
