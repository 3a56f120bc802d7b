import type {
  BenchPlan,
  GrpcRequestSpec,
  HttpRequestSpec,
  LockPlaces,
  OperationSpec,
} from "../bench-plan.ts";
import type { BenchTarget } from "../bench-target.ts";
import type { Arrival, Stage } from "../load/schedule.ts";

/** What a caller asks for; what is left out gets its default. Times in ms. */
export interface BenchOptions {
  readonly target: BenchTarget;
  /** What is sent to HTTP: GET without a body, and 2xx and 3xx are good, unless told. */
  readonly http?: Partial<HttpRequestSpec>;
  /** What is sent to gRPC: an empty message, whose type the server tells, unless told. */
  readonly grpc?: Partial<GrpcRequestSpec>;
  /** What is done to Redis, etcd or MySQL; each has its cheapest. */
  readonly operation?: OperationSpec | null;
  /** Where the locks of `lock:` are. */
  readonly places?: LockPlaces | null;
  /** Max mode: requests under way at a time. Rate mode: connections at most, as many as are needed unless given. */
  readonly connections?: number;
  readonly durationMs?: number;
  /** Ends after so many requests, in place of `durationMs`. */
  readonly amount?: number;
  /** Requests per second; makes it rate mode. */
  readonly rate?: number;
  /** In place of `rate` and `durationMs`. */
  readonly stages?: readonly Stage[];
  readonly arrival?: Arrival;
  readonly seed?: number;
  readonly requestTimeoutMs?: number;
  readonly workers?: number;
  readonly warmupMs?: number;
  readonly maxInFlight?: number;
}

const HTTP: HttpRequestSpec = {
  method: "GET",
  headers: [],
  body: null,
  http2: false,
  streams: 10,
  insecure: false,
  ca: null,
  okStatuses: [{ from: 200, to: 399 }],
};
const GRPC: GrpcRequestSpec = { proto: null, message: "{}", metadata: [], insecure: false, ca: null };
const DURATION_MS = 10_000;
const CONNECTIONS = 10;
const REQUEST_TIMEOUT_MS = 10_000;
const WARMUP_SHARE = 0.1;
const WARMUP_MS = 2000;
/** One worker sends about four times as many on a machine of 2025. */
const RATE_OF_WORKER = 10_000;
const MOST_WORKERS = 8;
const IN_FLIGHT = { fewest: 100, most: 10_000 };
const SLICES = { most: 600, fewest: 10, usualMs: 1000, shortestMs: 100 };

/** The plan of one run with every default filled in. The engine is `loop` for max mode until the target was looked at. */
export function benchPlan(options: BenchOptions, cores: number): BenchPlan {
  const { operation = null, places = null, amount = null } = options;
  const { target, http } = withoutUser(options.target, { ...HTTP, ...options.http });
  const grpc = { ...GRPC, ...options.grpc };
  const { requestTimeoutMs = REQUEST_TIMEOUT_MS, arrival = "even", seed = 1 } = options;
  const isRate = options.rate !== undefined || options.stages !== undefined;
  const durationMs =
    amount === null ? (stagesLength(options.stages) ?? options.durationMs ?? DURATION_MS) : null;
  const stages = stagesOf(options, durationMs);
  const peak = Math.max(0, ...(stages ?? []).flatMap(({ from, to }) => [from, to]));
  const lanes = Math.min(options.connections ?? CONNECTIONS, amount ?? Number.POSITIVE_INFINITY);
  const connections = isRate ? (options.connections ?? null) : lanes;
  const room = Math.max(1, Math.min(cores - 1, MOST_WORKERS));
  const useful = isRate ? Math.ceil(peak / RATE_OF_WORKER) : room;
  const workers = Math.min(
    options.workers ?? Math.max(1, Math.min(room, useful)),
    connections ?? Number.POSITIVE_INFINITY,
    amount ?? Number.POSITIVE_INFINITY,
  );
  const inFlight = Math.ceil((peak * requestTimeoutMs) / 1000);
  return {
    ...{ target, http, grpc, operation, places, connections, workers, durationMs, amount, stages },
    ...{ arrival, seed, requestTimeoutMs },
    engine: isRate ? "pacer" : "loop",
    mode: isRate ? "rate" : "max",
    warmupMs: options.warmupMs ?? (durationMs === null ? 0 : Math.min(durationMs * WARMUP_SHARE, WARMUP_MS)),
    maxInFlight: options.maxInFlight ?? Math.min(Math.max(inFlight, IN_FLIGHT.fewest), IN_FLIGHT.most),
    sliceMs: sliceLength(durationMs),
  };
}

/** User and password of a URL become a header, which is how HTTP sends them; one that was given stays. */
function withoutUser(
  target: BenchTarget,
  http: HttpRequestSpec,
): { readonly target: BenchTarget; readonly http: HttpRequestSpec } {
  if (target.kind !== "http") return { target, http };
  const url = new URL(target.url);
  const { username, password } = url;
  if (username === "" && password === "") return { target, http };
  url.username = "";
  url.password = "";
  const bare: BenchTarget = { kind: "http", url: url.href };
  if (http.headers.some(([name]) => name.toLowerCase() === "authorization")) return { target: bare, http };
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const basic = `Basic ${Buffer.from(user).toString("base64")}`;
  return { target: bare, http: { ...http, headers: [...http.headers, ["Authorization", basic]] } };
}

function stagesOf({ stages, rate }: BenchOptions, durationMs: number | null): readonly Stage[] | null {
  if (stages !== undefined) return stages;
  if (rate === undefined) return null;
  return [{ from: rate, to: rate, durationMs: durationMs ?? Number.POSITIVE_INFINITY }];
}

function stagesLength(stages: readonly Stage[] | undefined): number | null {
  return stages === undefined ? null : stages.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

/** A second; less where a run would have too few to see a trend, more where it would have more than anybody can see. */
function sliceLength(durationMs: number | null): number {
  if (durationMs === null) return SLICES.usualMs;
  const longest = Math.max(durationMs / SLICES.most, SLICES.usualMs);
  return Math.min(longest, Math.max(durationMs / SLICES.fewest, SLICES.shortestMs));
}
