import type { Settings } from "../config/settings.ts";
import { DcsError } from "../errors.ts";
import { redact } from "../util/redact.ts";
import type { Check } from "./check.ts";
import { backendOf, examineBackend } from "./examine-backend.ts";
import { type LockGrade, lockGrade } from "./lock-grade.ts";

/** What a backend is configured for. */
export type BackendUse = "store" | "locks" | "journal";

export interface ExaminedBackend {
  readonly backend: string;
  /** Without secrets. */
  readonly url: string;
  readonly usedFor: readonly BackendUse[];
}

/** What `dcs doctor` found. */
export interface DoctorReport {
  /** One entry a distinct URL; an embedded journal is one of its own, under the URL of its file. */
  readonly backends: readonly ExaminedBackend[];
  readonly checks: readonly Check[];
  readonly locks: LockGrade & { readonly backend: string; readonly url: string };
  readonly counts: Readonly<Record<Check["status"], number>>;
}

/**
 * Examines every configured backend, all at once; changes nothing in them. A backend that cannot be reached is a failed
 * check that carries the error's code, not an error. Rejects only with the signal's reason.
 */
export async function runDoctor(settings: Settings, signal: AbortSignal): Promise<DoctorReport> {
  const uses = new Map<string, BackendUse[]>();
  for (const use of ["store", "locks", "journal"] as const) {
    const value = use === "journal" ? journalUrl(settings) : settings[use].value;
    uses.set(value, [...(uses.get(value) ?? []), use]);
  }
  const examined = await Promise.all(
    [...uses].map(async ([url, usedFor]) => {
      const findings = await examineBackend({
        url,
        timeoutMs: settings.timeoutMs.value,
        stateDir: settings.stateDir.value,
        keepsLocks: usedFor.includes("locks"),
        keepsJournal: usedFor.includes("journal"),
        signal,
      });
      const place = { backend: backendOf(url), url: redact(url) };
      return { place, usedFor, findings };
    }),
  );
  signal.throwIfAborted();
  const checks = examined.flatMap(({ place, findings }) =>
    findings.map(({ check, status, detail, fix, data }) => ({
      ...place,
      check,
      status,
      detail,
      fix,
      ...(data === undefined ? {} : { data }),
    })),
  );
  const locks = examined.find(({ usedFor }) => usedFor.includes("locks"));
  const count = (status: Check["status"]) => checks.filter((check) => check.status === status).length;
  return {
    backends: examined.map(({ place, usedFor }) => ({ ...place, usedFor })),
    checks,
    locks: {
      ...(locks?.place ?? { backend: "none", url: "" }),
      ...lockGrade(locks?.findings ?? []),
    },
    counts: { ok: count("ok"), warn: count("warn"), fail: count("fail"), unknown: count("unknown") },
  };
}

/** Beside the embedded store there is a file of its own for the journal. */
function journalUrl({ journal, stateDir }: Settings): string {
  return journal.value === "embedded:" ? `embedded:${stateDir.value}/journal.db` : journal.value;
}

/** The report as DOCTOR_FAILED, for a run with failed checks. */
export function doctorFailure(report: DoctorReport): DcsError {
  const failed = report.checks.filter(({ status }) => status === "fail");
  const names = failed.map(({ backend, check }) => `${backend} ${check}`);
  const [first] = failed;
  return new DcsError(
    "DOCTOR_FAILED",
    `${failed.length} of ${report.checks.length} checks failed: ${names.join(", ")}`,
    {
      data: report,
      ...(first?.fix ? { hint: first.fix } : {}),
      details: { failed: names },
    },
  );
}
