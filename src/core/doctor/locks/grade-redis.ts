import type { Finding } from "../check.ts";
import {
  type GradeReason,
  gradeFindings,
  gradeOf,
  isPreventing,
  isUnreached,
  type LockVerdict,
  reasonOf,
} from "../lock-grade.ts";

/** How the Redis servers of a locks URL keep one lock. */
export type RedisTopology =
  | { readonly kind: "single" }
  /** A primary that Sentinel replaces by one of its replicas. */
  | { readonly kind: "sentinel" }
  | { readonly kind: "cluster" }
  /** Independent servers, of which a majority holds. */
  | { readonly kind: "quorum" };

/** What was found on one server (`examineRedis`). */
export interface RedisNode {
  /** `host:port`. */
  readonly name: string;
  readonly findings: readonly Finding[];
}

/**
 * What locks on these servers are good for. Sentinel and Cluster replicate asynchronously, so a failover can forget a lock.
 * What is found on the servers of a quorum is weighed where it is found: `weighQuorum`.
 */
export function gradeRedis(topology: RedisTopology, nodes: readonly RedisNode[]): LockVerdict {
  switch (topology.kind) {
    case "single":
    case "quorum":
      return gradeFindings(nodes[0]?.findings ?? []);
    case "sentinel":
      return gradeAll(nodes, ["replicas"], [SENTINEL]);
    case "cluster": {
      const primaries = nodes.filter((node) => find(node, "role")?.status !== "fail");
      return gradeAll(primaries.length === 0 ? nodes : primaries, ["cluster"], []);
    }
  }
}

const SENTINEL: GradeReason = {
  check: "replicas",
  node: null,
  status: "warn",
  why: "Sentinel promotes a replica that may not have got the last locks",
  detail: "replication is asynchronous, and dcs does not WAIT for replicas",
  fix: "export DCS_LOCKS=redis://A:6379,redis://B:6379,redis://C:6379   # a quorum of independent servers, or etcd://",
};

/** Every server must be good; `ignored` are checks that say nothing in this topology. */
function gradeAll(
  nodes: readonly RedisNode[],
  ignored: readonly string[],
  more: readonly GradeReason[],
): LockVerdict {
  const unreached = nodes.find(({ findings }) => findings.some(isUnreached));
  if (nodes.length === 0) return { grade: "unknown", reasons: more };
  if (unreached !== undefined) {
    const finding = unreached.findings.find(isUnreached);
    return { grade: "unknown", reasons: finding === undefined ? [] : [reasonOf(finding, unreached.name)] };
  }
  const counted = nodes.map(({ name, findings }) => ({
    name,
    findings: findings.filter(({ check }) => !ignored.includes(check)),
  }));
  const prevents = reasonsOf(counted, isPreventing);
  const reasons = [...prevents, ...more, ...reasonsOf(counted, ({ weakens }) => weakens !== undefined)];
  return { grade: gradeOf(prevents.length > 0, reasons.length > 0), reasons };
}

function find({ findings }: RedisNode, check: string): Finding | undefined {
  return findings.find((finding) => finding.check === check);
}

function reasonsOf(
  nodes: readonly RedisNode[],
  matches: (finding: Finding) => boolean,
): readonly GradeReason[] {
  return nodes.flatMap(({ name, findings }) =>
    findings.filter(matches).map((finding) => reasonOf(finding, name)),
  );
}
