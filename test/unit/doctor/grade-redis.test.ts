import { describe, expect, it } from "vitest";
import { type Finding, fail, ok } from "../../../src/core/doctor/check.ts";
import { gradeRedis, type RedisNode } from "../../../src/core/doctor/locks/grade-redis.ts";
import { parseInfo } from "../../../src/core/doctor/redis/redis-facts.ts";
import { examineFacts } from "../../../src/core/doctor/redis/redis-settings.ts";
import { parseRedisUrl } from "../../../src/core/redis/redis-url.ts";

const GOOD = {
  maxmemory: "0",
  "maxmemory-policy": "noeviction",
  appendonly: "yes",
  appendfsync: "always",
  save: "",
};
const FORGETS = { appendonly: "no" };
const EVICTS = { "maxmemory-policy": "volatile-lru", maxmemory: "1000" };

interface Server {
  readonly config?: Readonly<Record<string, string>> | null;
  readonly info?: Readonly<Record<string, string | number>>;
  readonly clockMs?: number;
  readonly silent?: boolean;
  readonly more?: readonly Finding[];
}

let nodes = 0;

/** What the examination of such a server finds. */
function node({ config = {}, info = {}, clockMs = 0, silent = false, more = [] }: Server = {}): RedisNode {
  const name = `redis-${++nodes}:6379`;
  if (silent) return { name, findings: [fail("reachable", "no answer", "redis-cli PING")] };
  const fields = { redis_version: "7.0.15", role: "master", run_id: name, connected_slaves: 0, ...info };
  const text = Object.entries(fields).map(([field, value]) => `${field}:${value}`);
  const facts = {
    info: parseInfo(text.join("\r\n")),
    config: config === null ? null : new Map(Object.entries({ ...GOOD, ...config })),
  };
  const findings = examineFacts(facts, parseRedisUrl(`redis://${name}`));
  return { name, findings: [ok("clock", "", { differenceMs: clockMs }), ...findings, ...more] };
}

const REFUSED = fail("commands", "refused: EVALSHA", "redis-cli ACL SETUSER");

describe("one server", () => {
  it.each<[string, Server, string, string[]]>([
    ["all as it should be", {}, "correctness", []],
    ["appendonly no", { config: FORGETS }, "efficiency only", ["persistence"]],
    ["appendfsync everysec", { config: { appendfsync: "everysec" } }, "efficiency only", ["persistence"]],
    ["appendfsync no", { config: { appendfsync: "no" } }, "efficiency only", ["persistence"]],
    [
      "no sync during rewrites",
      { config: { "no-appendfsync-on-rewrite": "yes" } },
      "efficiency only",
      ["persistence"],
    ],
    ["evicts", { config: EVICTS }, "efficiency only", ["eviction"]],
    ["replicas", { info: { connected_slaves: 2 } }, "efficiency only", ["replicas"]],
    [
      "evicts and forgets",
      { config: { ...EVICTS, ...FORGETS } },
      "efficiency only",
      ["eviction", "persistence"],
    ],
    [
      "CONFIG forbidden",
      { config: null, info: { maxmemory_policy: "noeviction", aof_enabled: 1 } },
      "efficiency only",
      ["persistence"],
    ],
    ["a replica", { info: { role: "slave", master_host: "a", master_port: 1 } }, "unusable", ["role"]],
    ["a cluster", { info: { cluster_enabled: 1 } }, "unusable", ["cluster"]],
    ["commands refused", { more: [REFUSED], config: FORGETS }, "unusable", ["commands", "persistence"]],
    ["no answer", { silent: true }, "unknown", ["reachable"]],
  ])("%s", (_what, server, grade, checks) => {
    const verdict = gradeRedis({ kind: "single" }, [node(server)]);
    expect(verdict.grade).toBe(grade);
    expect(verdict.reasons.map(({ check }) => check)).toEqual(checks);
    expect(verdict.reasons.every(({ fix, why }) => fix !== "" && why !== "")).toBe(true);
  });
});

describe("Sentinel and Cluster", () => {
  it("fail over to what has not got the last locks", () => {
    expect(gradeRedis({ kind: "sentinel" }, [node()])).toMatchObject({
      grade: "efficiency only",
      reasons: [{ check: "replicas" }],
    });
    const shards = [
      node({ info: { cluster_enabled: 1, connected_slaves: 1 } }),
      node({ info: { cluster_enabled: 1 } }),
    ];
    expect(gradeRedis({ kind: "cluster" }, shards)).toMatchObject({
      grade: "efficiency only",
      reasons: [{ check: "replicas", node: shards[0]?.name }],
    });
  });

  it("a cluster without replicas fails over to nothing, and its replicas are not asked to lock", () => {
    const clustered = { cluster_enabled: 1 };
    expect(gradeRedis({ kind: "cluster" }, [node({ info: clustered }), node({ info: clustered })])).toEqual({
      grade: "correctness",
      reasons: [],
    });
    const replica = node({ info: { ...clustered, role: "slave", master_host: "a", master_port: 1 } });
    expect(gradeRedis({ kind: "cluster" }, [node({ info: clustered }), replica]).grade).toBe("correctness");
  });

  it("are unknown while a server is silent", () => {
    expect(
      gradeRedis({ kind: "cluster" }, [node({ info: { cluster_enabled: 1 } }), node({ silent: true })]).grade,
    ).toBe("unknown");
    expect(gradeRedis({ kind: "sentinel" }, []).grade).toBe("unknown");
  });
});
