import { DcsError } from "../../errors.ts";
import type { BenchPlan } from "../bench-plan.ts";
import { sayTarget } from "../bench-target.ts";
import type { Driver, DriverInstance } from "../drive/driver.ts";
import { failureKind, sayFailure } from "../drive/failure-kind.ts";
import { openDriver } from "../drive/open-driver.ts";
import { StatusTable } from "../drive/status-table.ts";
import { type HttpProbe, probeHttp } from "./probe-http.ts";

/** What the first request has shown. */
export interface Probed {
  /** The plan as it can be run against this target. */
  readonly plan: BenchPlan;
  /** What was chosen because of the answer, and what looks odd in it; in words. */
  readonly notes: readonly string[];
}

/** Below it autocannon keeps no limit. */
const AUTOCANNON_TIMEOUT_MS = 1000;

/**
 * Sends one request before all others. Rejects with BENCH_UNREACHABLE when it gets no answer at all; an answer that is an error is
 * an answer. Chooses the engine of max mode, and HTTP/2 where the target speaks nothing else.
 */
export async function probe(
  plan: BenchPlan,
  instances: readonly DriverInstance[],
  signal: AbortSignal,
): Promise<Probed> {
  const { target } = plan;
  if (target.kind === "http") return probePlain(plan, target.url, signal);
  await probeByDriver(plan, instances, signal);
  return { plan, notes: [] };
}

async function probePlain(plan: BenchPlan, url: string, signal: AbortSignal): Promise<Probed> {
  const first = await tryHttp(plan, url, signal);
  const isOtherProtocol = first.kind === "failed" && needsHttp2(first.error);
  if (isOtherProtocol && !plan.http.http2) {
    const other = { ...plan, http: { ...plan.http, http2: true } };
    const second = await tryHttp(other, url, signal);
    if (second.kind === "answer")
      return settle(other, second, ["the target speaks HTTP/2 only, so that is used"]);
  }
  if (first.kind === "failed") throw unreachable(plan, first.error);
  return settle(plan, first, []);
}

function settle(
  plan: BenchPlan,
  answer: Extract<HttpProbe, { readonly kind: "answer" }>,
  notes: readonly string[],
): Probed {
  const odd = oddities(plan, answer);
  if (plan.mode === "rate") return { plan, notes: [...notes, ...odd] };
  const why = whyNotAutocannon(plan, answer);
  if (why === null) return { plan: { ...plan, engine: "autocannon" }, notes: [...notes, ...odd] };
  return {
    plan,
    notes: [...notes, `the loop of dcs sends the requests, and not autocannon: ${why}`, ...odd],
  };
}

/** What autocannon 9 does wrong, each seen: see docs/bench.md. */
function whyNotAutocannon(
  { http, requestTimeoutMs }: BenchPlan,
  { endsWithConnection, hasForerunner }: Extract<HttpProbe, { readonly kind: "answer" }>,
): string | null {
  const { method, headers, http2 } = http;
  if (http2) return "autocannon does not speak HTTP/2";
  if (method === "HEAD") return "autocannon waits for the body of an answer to HEAD";
  if (endsWithConnection) return "the target closes the connection after each answer";
  if (hasForerunner) return "autocannon takes a 1xx that comes before an answer for the answer";
  if (requestTimeoutMs < AUTOCANNON_TIMEOUT_MS) return "autocannon cannot wait for less than 1s";
  const names = headers.map(([name]) => name.toLowerCase());
  if (new Set(names).size < names.length) return "autocannon cannot send a header twice";
  return null;
}

function oddities(
  { http }: BenchPlan,
  { status }: Extract<HttpProbe, { readonly kind: "answer" }>,
): readonly string[] {
  const isOk = new StatusTable(http.okStatuses).has(status);
  return isOk ? [] : [`the first request was answered ${status}, which counts as an error`];
}

function tryHttp(
  { http, requestTimeoutMs }: BenchPlan,
  url: string,
  signal: AbortSignal,
): Promise<HttpProbe> {
  return probeHttp({ request: http, url, timeoutMs: requestTimeoutMs, signal });
}

/** The server closes, or refuses in TLS, what is not HTTP/2. */
function needsHttp2(error: unknown): boolean {
  const text = sayFailure(error);
  return /no.application.protocol|http2|HTTP\/2/i.test(text) || failureKind(error) === "garbage";
}

async function probeByDriver(
  plan: BenchPlan,
  instances: readonly DriverInstance[],
  signal: AbortSignal,
): Promise<void> {
  const driver = await openDriver(plan, {
    connections: 1,
    requestTimeoutMs: plan.requestTimeoutMs,
    worker: 0,
  });
  try {
    // One instance that does not answer makes no service unreachable: the others are asked.
    for (const instance of instances.slice(0, -1)) {
      driver.follow?.([instance]);
      const isThere = await firstAnswer(plan, driver, signal).then(
        () => true,
        () => false,
      );
      if (isThere) return;
      signal.throwIfAborted();
    }
    driver.follow?.(instances.slice(-1));
    await firstAnswer(plan, driver, signal);
  } finally {
    await driver.close();
  }
}

/** Sends one request; an error is an answer. */
function firstAnswer(plan: BenchPlan, driver: Driver, signal: AbortSignal): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(plan.requestTimeoutMs)]);
    const call = {
      instance: 0,
      cancel: null as (() => void) | null,
      began() {},
      ok: () => resolve(),
      failed(kind: string, example: string) {
        // A status is an answer.
        if (/^\d{3}$/.test(kind)) resolve();
        else reject(unreachable(plan, Object.assign(new Error(example), { code: kind })));
      },
    };
    const onLimit = () => {
      call.cancel?.();
      reject(signal.aborted ? signal.reason : unreachable(plan, new Error(noAnswer(plan))));
    };
    limit.addEventListener("abort", onLimit, { once: true });
    if (limit.aborted) onLimit();
    else driver.send(call);
  });
}

function noAnswer({ requestTimeoutMs }: BenchPlan): string {
  return `no answer within ${requestTimeoutMs} ms`;
}

function unreachable(plan: BenchPlan, error: unknown): DcsError {
  const kind = failureKind(error);
  return new DcsError(
    "BENCH_UNREACHABLE",
    `${sayTarget(plan.target)} did not answer the first request: ${sayFailure(error)}`,
    {
      cause: error,
      details: { target: sayTarget(plan.target), kind },
      ...hintFor(kind),
    },
  );
}

/** What to type next. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/,
    "its certificate is not believed: give the authority's with --ca FILE, or --insecure to believe any",
  ],
  [/ENOTFOUND|EAI_AGAIN/, "check the host's name, and that this machine can resolve it"],
  [/ECONNREFUSED/, "nothing listens there: check the port, and that the target runs"],
  [/no HTTP\/2/, "leave --http2 out, or name the port that speaks it"],
  [/closed/, "it closed the connection: check the port and the scheme (http or https), and its log"],
  [/garbage/, "what answers there does not speak HTTP: check the port and the scheme"],
];

function hintFor(kind: string): { readonly hint?: string } {
  const hint = HINTS.find(([pattern]) => pattern.test(kind))?.[1];
  return hint === undefined ? {} : { hint };
}
