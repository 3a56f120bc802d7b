import { DcsError } from "../../errors.ts";
import { formatDuration } from "../../util/duration.ts";
import type { LeaseId } from "../store.ts";
import { NoEndpoint } from "./endpoints.ts";
import { GRPC, RpcFailure } from "./rpc-failure.ts";

/** What errors say of the store they come from. */
export interface StoreFacts {
  /** Without secrets. */
  readonly url: string;
  readonly user: string | null;
  readonly timeoutMs: number;
}

const CERTIFICATE = /certificate|altnames|\btls\b|\bssl\b|EPROTO|wrong version number/i;

/** A failure of the transport as the error users see; anything else (an abort's reason) as it is. */
export function toStoreError(error: unknown, facts: StoreFacts, outcome?: "unknown"): unknown {
  if (error instanceof NoEndpoint) return unreachable(error, error.failures, facts, outcome);
  if (!(error instanceof RpcFailure)) return error;
  if (error.isDenial) return denied(error, facts);
  if (error.isNoSpace) {
    return new DcsError(
      "STORE_FULL",
      `etcd at ${error.endpoint} is over its space quota and takes no more writes`,
      {
        cause: error,
        hint: "compact and defragment it, then `etcdctl alarm disarm`; or raise --quota-backend-bytes",
        details: { url: facts.url, endpoint: error.endpoint },
      },
    );
  }
  if (error.outcome !== "refused" || error.isTooBusy) return unreachable(error, [error], facts, outcome);
  return new DcsError("UNEXPECTED", `etcd at ${error.endpoint} refused the request: ${error.why}`, {
    cause: error,
    details: { url: facts.url, endpoint: error.endpoint, grpcCode: error.code },
  });
}

function unreachable(
  cause: Error,
  failures: readonly RpcFailure[],
  facts: StoreFacts,
  outcome: "unknown" | undefined,
): DcsError {
  const isSecure = facts.url.startsWith("etcds:");
  const endpoints = failures.map(({ endpoint, code, why }) => ({
    endpoint,
    why:
      code === GRPC.deadlineExceeded
        ? `no answer within ${formatDuration(facts.timeoutMs)}`
        : explain(why, isSecure),
  }));
  const said = endpoints.map(({ endpoint, why }) => `${endpoint}: ${why}`).join("; ");
  const doubt = outcome === undefined ? "" : "; whether the change was made is not known";
  return new DcsError("STORE_UNREACHABLE", `etcd cannot be used: ${said}${doubt}`, {
    cause,
    ...(endpoints.some(({ why }) => CERTIFICATE.test(why))
      ? {
          hint: "check ca=, cert=, key= and server-name= in the store's URL, and the names and dates of the certificates",
        }
      : {}),
    details: {
      url: facts.url,
      timeoutMs: facts.timeoutMs,
      endpoints,
      ...(outcome === undefined ? {} : { outcome }),
    },
  });
}

/** Where one side speaks TLS and the other does not, or wants a certificate, the connection ends without a reason. */
function explain(why: string, isSecure: boolean): string {
  if (isSecure && /wrong version number|before secure TLS connection was established|ECONNRESET/i.test(why)) {
    return `${why} (does the server speak TLS, and accept this client's certificate?)`;
  }
  if (!isSecure && why === "Failed to connect") return `${why} (does the server want TLS, etcds://?)`;
  return why;
}

function denied(error: RpcFailure, facts: StoreFacts): DcsError {
  const who = facts.user === null ? "a client without a user" : `user ${facts.user}`;
  const wrong = /authentication failed/.test(error.message);
  const what = wrong ? `does not accept the password of ${who}` : `refuses access to ${who}: ${error.why}`;
  return new DcsError("PERMISSION_DENIED", `etcd at ${error.endpoint} ${what}`, {
    cause: error,
    hint:
      facts.user === null
        ? "give a user in the store's URL: etcd://user:password@host:port"
        : "check user and password in the store's URL, and the user's roles: `etcdctl user get NAME --detail`",
    details: { url: facts.url, endpoint: error.endpoint, user: facts.user },
  });
}

export function leaseGone(id: LeaseId, cause?: unknown): DcsError {
  return new DcsError(
    "LEASE_NOT_FOUND",
    `lease ${id} does not exist (it ran out, was revoked, or never was)`,
    {
      cause,
      details: { lease: id },
    },
  );
}
