import type { Finding } from "./check.ts";

/**
 * What locks kept on a backend are good for. `correctness`: while the backend keeps its promises two holders never hold
 * at once. `efficiency only`: something ordinary (a crash, a failover, memory pressure) can forget a lock that is held, so
 * that only the fence protects. `unknown`: it could not be looked at.
 */
export interface LockGrade {
  readonly grade: "correctness" | "efficiency only" | "unknown";
  /** Why it is not `correctness`. */
  readonly reasons: readonly string[];
}

export function lockGrade(findings: readonly Finding[]): LockGrade {
  const unreached = findings.find(({ check, status }) => check === "reachable" && status === "fail");
  if (unreached !== undefined) return { grade: "unknown", reasons: [unreached.detail] };
  const reasons = findings.flatMap(({ weakens }) => (weakens === undefined ? [] : [weakens]));
  return { grade: reasons.length === 0 ? "correctness" : "efficiency only", reasons };
}
