import type { QuorumTarget, RedisAddress } from "../../redis/redis-url.ts";
import { formatDuration } from "../../util/duration.ts";
import { type Finding, fail, ok, warn } from "../check.ts";
import { isPreventing } from "../lock-grade.ts";
import { atNode } from "./examine-server.ts";
import { redisCli } from "./redis-commands.ts";
import type { RedisFacts } from "./redis-facts.ts";

/** What was found on one server of a quorum. */
export interface QuorumServer {
  /** `host:port`. */
  readonly node: string;
  readonly address: RedisAddress;
  /** Null when it cannot be reached. */
  readonly facts: RedisFacts | null;
  readonly findings: readonly Finding[];
}

/**
 * What the servers are together, then what each is alone, as far as it matters to them all. A quorum outlives the loss of a
 * minority, silent or unable to lock; that a server forgets at a restart is covered by not counting it then; an eviction or
 * a failover, which nobody sees, is not.
 */
export function weighQuorum(target: QuorumTarget, nodes: readonly QuorumServer[]): readonly Finding[] {
  const majority = Math.floor(nodes.length / 2) + 1;
  const reached = nodes.filter(({ facts }) => facts !== null);
  const able = reached.filter(({ findings }) => !findings.some(isPreventing));
  const ofOne =
    ({ facts }: QuorumServer) =>
    (finding: Finding) => {
      const others = facts === null ? reached : able;
      return others.length >= majority && isPreventing(finding)
        ? asWarning(finding)
        : inQuorum(target, finding);
    };
  return [
    examineMajority(nodes, reached.length, majority),
    ...examineSameness(reached),
    ...examineClocks(target, reached),
    ...examineYouth(target, reached),
    ...nodes.flatMap((server) => atNode(server.node, server.findings.map(ofOne(server)))),
  ];
}

function examineMajority(nodes: readonly QuorumServer[], reached: number, majority: number): Finding {
  const data = { nodes: nodes.length, reached, majority };
  const detail = `${reached} of ${nodes.length} servers answer, and a majority of ${majority} decides`;
  const missing = nodes.find(({ facts }) => facts === null);
  if (missing === undefined) return ok("quorum", detail, data);
  const fix = `${redisCli(missing.address)} PING`;
  return reached >= majority ? warn("quorum", detail, fix, { data }) : fail("quorum", detail, fix, { data });
}

/** A quorum of one server under several names is no quorum. */
function examineSameness(reached: readonly QuorumServer[]): readonly Finding[] {
  const byRun = Map.groupBy(reached, ({ facts }) => facts?.info?.get("run_id"));
  return [...byRun].flatMap(([runId, nodes]) => {
    const names = nodes.map(({ node }) => node);
    if (runId === undefined || names.length === 1) return [];
    return [
      fail(
        "independent",
        `${names.join(" and ")} are one server, which counts ${names.length} times`,
        "dcs config show --origin   # name servers that are apart in the locks URL",
        { data: { nodes: names }, weakens: `${names.join(" and ")} are one server` },
      ),
    ];
  });
}

/** A server's own clock says when a lock ends there, and how long it has been up. */
function examineClocks({ maxTtlMs }: QuorumTarget, reached: readonly QuorumServer[]): readonly Finding[] {
  const differences = reached.flatMap(({ findings }) => {
    const value = findings.find(({ check }) => check === "clock")?.data?.["differenceMs"];
    return typeof value === "number" ? [value] : [];
  });
  const spreadMs = Math.max(...differences) - Math.min(...differences);
  if (differences.length < 2 || spreadMs < maxTtlMs) return [];
  const detail = `the servers' clocks are ${formatDuration(spreadMs)} apart, and the longest TTL is ${formatDuration(maxTtlMs)}`;
  return [
    warn("clocks", detail, "timedatectl set-ntp true   # on every server", {
      data: { spreadMs, maxTtlMs },
      weakens: "the servers' clocks are further apart than the longest TTL",
    }),
  ];
}

function examineYouth(target: QuorumTarget, reached: readonly QuorumServer[]): readonly Finding[] {
  if (target.youngCount) {
    const detail =
      "young=count: a server counts as soon as it has restarted, also when it forgot a lock meanwhile";
    return [
      warn("young", detail, "dcs config show --origin   # take young=count out of the locks URL", {
        weakens: "with young=count a server that forgot a lock counts at once",
      }),
    ];
  }
  const young = reached.flatMap(({ node, address, facts }) => {
    const uptimeMs = Number(facts?.info?.get("uptime_in_seconds") ?? Number.NaN) * 1000;
    return uptimeMs < target.maxTtlMs ? [{ node, address, uptimeMs }] : [];
  });
  const findings = young.map(({ node, address, uptimeMs }) => {
    const left = target.maxTtlMs - uptimeMs;
    const detail = `${node} started ${formatDuration(uptimeMs)} ago and does not count for another ${formatDuration(left)}`;
    return warn("young", detail, `${sleepFor(left)}; ${redisCli(address)} PING`, {
      data: { node, uptimeMs },
    });
  });
  const counting = reached.length - young.length;
  const majority = Math.floor(target.servers.length / 2) + 1;
  if (young.length === 0 || counting >= majority) return findings;
  // Those that have run longest count first.
  const ups = young.map(({ uptimeMs }) => uptimeMs).sort((a, b) => b - a);
  const left = target.maxTtlMs - (ups[majority - counting - 1] ?? 0);
  const detail = `${counting} of ${target.servers.length} servers count, and ${majority} must: no lock can be taken for another ${formatDuration(left)}`;
  return [
    fail("young", detail, `${sleepFor(left)}; dcs lock doctor`, { data: { counting, majority } }),
    ...findings,
  ];
}

function sleepFor(ms: number): string {
  return `sleep ${Math.ceil(ms / 1000)}`;
}

function asWarning(finding: Finding): Finding {
  return { ...finding, status: "warn" };
}

/** What a server forgets at a restart the others know, as long as it does not count: `young` says when that is not so. */
function inQuorum({ youngCount, maxTtlMs }: QuorumTarget, finding: Finding): Finding {
  if (finding.check !== "persistence" || finding.status === "ok") return finding;
  const { weakens: _, ...rest } = finding;
  const then = youngCount
    ? "and with young=count it counts at once"
    : `it does not count for ${formatDuration(maxTtlMs)} after one`;
  return { ...rest, status: "ok", detail: `a restart forgets its locks; ${then}`, fix: null };
}
