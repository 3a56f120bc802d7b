/** What a check came to. `unknown`: it could not be looked at, and what that may mean is in the detail. */
export type CheckStatus = "ok" | "warn" | "fail" | "unknown";

/** What one look at one backend found. */
export interface Finding {
  /** Names the check; part of the output's contract. */
  readonly check: string;
  readonly status: CheckStatus;
  /** What was found and what it means, with the values seen. */
  readonly detail: string;
  /** What to type; null where there is nothing to do. */
  readonly fix: string | null;
  /** The same in numbers and names, for programs. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** Why locks kept here can be lost or given twice without anybody's fault; absent when this check is no reason. */
  readonly weakens?: string;
}

/** A finding and where it was made. */
export interface Check extends Omit<Finding, "weakens"> {
  /** `embedded`, `etcd`, `redis`, `mysql`, or the scheme of a URL that this version cannot open. */
  readonly backend: string;
  /** Without secrets. */
  readonly url: string;
}

/** What examines one backend is given. */
export interface Examination {
  readonly url: string;
  readonly timeoutMs: number;
  readonly stateDir: string;
  /** True when locks are kept there. */
  readonly keepsLocks: boolean;
  /** True where it is looked at as the journal of sagas; an embedded one is a file of its own. */
  readonly keepsJournal?: boolean;
  readonly signal: AbortSignal;
}

export type Examiner = (examination: Examination) => Promise<readonly Finding[]>;

export function ok(check: string, detail: string, data?: Finding["data"]): Finding {
  return { check, status: "ok", detail, fix: null, ...(data === undefined ? {} : { data }) };
}

type Extra = Pick<Finding, "data" | "weakens">;

export function warn(check: string, detail: string, fix: string, extra: Extra = {}): Finding {
  return { check, status: "warn", detail, fix, ...extra };
}

export function fail(check: string, detail: string, fix: string, extra: Extra = {}): Finding {
  return { check, status: "fail", detail, fix, ...extra };
}

export function unknown(
  check: string,
  detail: string,
  fix: string | null = null,
  extra: Extra = {},
): Finding {
  return { check, status: "unknown", detail, fix, ...extra };
}
