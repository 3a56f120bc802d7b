import { DcsError, type ErrorCode, isDcsError } from "../../errors.ts";
import { redact } from "../../util/redact.ts";

export interface TargetErrorOptions {
  readonly cause?: unknown;
  readonly hint?: string;
}

/** How long a connection to the target may take to be made, ms. */
export const CONNECT_TIMEOUT_MS = 10_000;

const UNREACHABLE = "check the address, and that it runs there";
const DENIED = "check user and password in the URL, and what the user may do";

/** BENCH_UNREACHABLE: nothing answers at the target, or nothing that can be spoken with. `shown` is without secrets. */
export function targetUnreachable(
  shown: string,
  why: string,
  { cause, hint = UNREACHABLE }: TargetErrorOptions = {},
): DcsError {
  return targetError("BENCH_UNREACHABLE", `${shown} cannot be used: ${why}`, shown, { cause, hint });
}

/** PERMISSION_DENIED: the target refuses the user, the password or a right. */
export function targetDenied(
  shown: string,
  why: string,
  { cause, hint = DENIED }: TargetErrorOptions = {},
): DcsError {
  return targetError("PERMISSION_DENIED", `${shown} refused access: ${why}`, shown, { cause, hint });
}

/** USAGE: what the URL names cannot be measured. */
export function targetUnfit(shown: string, why: string, options: TargetErrorOptions): DcsError {
  return targetError("USAGE", `${shown} ${why}`, shown, options);
}

/**
 * An error of the area whose backend is the target, in words for a benchmark: there it is of a store or of locks, and the hints
 * are about them.
 */
export function asTargetError(error: unknown, shown: string): unknown {
  if (!isDcsError(error)) return error;
  const { code, message, details } = error;
  if (code === "STORE_UNREACHABLE" || code === "PERMISSION_DENIED") {
    const hint = code === "PERMISSION_DENIED" ? DENIED : UNREACHABLE;
    const own = code === "PERMISSION_DENIED" ? code : "BENCH_UNREACHABLE";
    return targetError(own, message, shown, { cause: error, hint }, details);
  }
  if (code !== "URL_INVALID") return error;
  const why = message.replace(/^(?:locks URL|database URL|store) "[^"]*":? ?/, "");
  return targetError(code, `"${shown}" ${why}`, shown, { cause: error, hint: error.hint }, details);
}

function targetError(
  code: ErrorCode,
  message: string,
  shown: string,
  { cause, hint = "" }: TargetErrorOptions,
  details: object = {},
): DcsError {
  return new DcsError(code, `TARGET: ${redact(message)}`, {
    ...(cause === undefined ? {} : { cause }),
    hint,
    details: { ...details, argument: "TARGET", target: shown },
  });
}

/** What `work` comes to; a rejection with the code `connect timeout` after CONNECT_TIMEOUT_MS, or with the signal's reason. */
export function withinConnectTime<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = () => {
      end();
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      end();
      const message = `no connection within ${CONNECT_TIMEOUT_MS / 1000} s`;
      reject(Object.assign(new Error(message), { code: "connect timeout" }));
    }, CONNECT_TIMEOUT_MS);
    signal?.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(end);
    if (signal?.aborted) onAbort();
  });
}
