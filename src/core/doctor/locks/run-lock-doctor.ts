import type { Settings } from "../../config/settings.ts";
import { DcsError } from "../../errors.ts";
import { parseRedisTarget } from "../../redis/redis-url.ts";
import { redact } from "../../util/redact.ts";
import type { Finding } from "../check.ts";
import { backendOf, examineBackend } from "../examine-backend.ts";
import { gradeFindings, LOCK_GRADES, type LockVerdict } from "../lock-grade.ts";
import { gradeRedis, type RedisTopology } from "./grade-redis.ts";
import { ADVISORY, GUARANTEES, type Guarantee, type LockPlace } from "./guarantees.ts";

/** The grade that `--require` asks for. */
export const REQUIRABLE = { correctness: "correctness", efficiency: "efficiency only" } as const;
export type Requirement = keyof typeof REQUIRABLE;

/** What `dcs lock doctor` found. */
export interface LockDoctorReport extends LockVerdict {
  readonly backend: string;
  /** Without secrets. */
  readonly url: string;
  /** How the servers keep one lock: `single`, `sentinel`, `cluster`, `quorum`; null but on Redis. */
  readonly topology: RedisTopology["kind"] | null;
  readonly required: Requirement;
  readonly passes: boolean;
  /** Null for a backend that this version does not know. */
  readonly guarantee: Guarantee | null;
  readonly advisory: string;
  readonly checks: readonly Omit<Finding, "weakens">[];
}

/**
 * Examines the backend that keeps the locks and grades it; changes nothing in it. Rejects with URL_INVALID for a URL that
 * cannot be one, and with the signal's reason.
 */
export async function runLockDoctor(
  settings: Settings,
  required: Requirement,
  signal: AbortSignal,
): Promise<LockDoctorReport> {
  const url = settings.locks.value;
  const findings = await examineBackend({
    url,
    timeoutMs: settings.timeoutMs.value,
    stateDir: settings.stateDir.value,
    keepsLocks: true,
    signal,
  });
  signal.throwIfAborted();
  const [first] = findings;
  if (first?.data?.["error"] === "URL_INVALID") {
    throw new DcsError("URL_INVALID", first.detail, first.fix === null ? {} : { hint: first.fix });
  }
  const backend = backendOf(url);
  const topology = backend === "redis" ? topologyOf(url) : null;
  const verdict =
    topology === null ? gradeFindings(findings) : gradeRedis(topology, [{ name: redact(url), findings }]);
  const rank = (grade: LockVerdict["grade"]) => LOCK_GRADES.indexOf(grade);
  return {
    backend,
    url: redact(url),
    topology: topology?.kind ?? null,
    required,
    passes: rank(verdict.grade) >= rank(REQUIRABLE[required]),
    ...verdict,
    guarantee: guaranteeOf(backend, topology),
    advisory: ADVISORY,
    checks: findings.map(({ check, status, detail, fix, data }) => ({
      ...{ check, status, detail, fix },
      ...(data === undefined ? {} : { data }),
    })),
  };
}

/** The report as GRADE_UNKNOWN or GRADE_INSUFFICIENT, for a grade that does not pass. */
export function gradeFailure(report: LockDoctorReport): DcsError {
  const { url, grade, reasons, required } = report;
  const [first] = reasons;
  const options = {
    data: report,
    ...(first?.fix == null ? {} : { hint: first.fix }),
    details: { grade, required, reasons: reasons.map(({ why }) => why) },
  };
  const why = reasons.map((reason) => reason.why).join("; ");
  return grade === "unknown"
    ? new DcsError("GRADE_UNKNOWN", `locks on ${url} cannot be graded: ${why}`, options)
    : new DcsError(
        "GRADE_INSUFFICIENT",
        `locks on ${url} are ${grade === "unusable" ? "unusable" : `good for ${grade}`}, and --require asks for ${required}: ${why}`,
        options,
      );
}

function topologyOf(url: string): RedisTopology {
  return { kind: parseRedisTarget(url).kind };
}

function guaranteeOf(backend: string, topology: RedisTopology | null): Guarantee | null {
  const place = topology === null ? backend : `redis ${topology.kind}`;
  return Object.hasOwn(GUARANTEES, place) ? GUARANTEES[place as LockPlace] : null;
}
