import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type { HttpRequestSpec, LockPlaces, StatusRange } from "../../core/bench/bench-plan.ts";
import { parseBenchTarget } from "../../core/bench/bench-target.ts";
import { parseStages } from "../../core/bench/load/parse-stages.ts";
import type { Arrival } from "../../core/bench/load/schedule.ts";
import type { BenchOptions } from "../../core/bench/run/bench-options.ts";
import type { Settings } from "../../core/config/settings.ts";
import { DcsError } from "../../core/errors.ts";
import { refuseForeignFlags } from "./foreign-flags.ts";
import { parseHeader } from "./header-flag.ts";
import { refuseEndless } from "./refuse-endless.ts";

/** The flags that say what is sent, and how. */
export interface LoadInput {
  readonly connections?: number | undefined;
  readonly duration?: number | undefined;
  readonly requests?: number | undefined;
  readonly rate?: number | undefined;
  readonly stages?: string | undefined;
  readonly arrival?: Arrival | undefined;
  readonly workers?: number | undefined;
  readonly warmup?: number | undefined;
  readonly "request-timeout"?: number | undefined;
  readonly "max-in-flight"?: number | undefined;
  readonly seed?: number | undefined;
  readonly method?: string | undefined;
  readonly header?: readonly string[] | undefined;
  readonly body?: string | undefined;
  readonly "expect-status"?: string | undefined;
  readonly http2?: boolean | undefined;
  readonly streams?: number | undefined;
  readonly insecure?: boolean | undefined;
  readonly ca?: string | undefined;
  readonly op?: string | undefined;
  readonly proto?: string | undefined;
}

const STREAMS = 10;
const LOCK_TTL_MS = 10_000;
const METHOD = /^[A-Za-z][A-Za-z-]*$/;

/** What was typed, as the library takes it. USAGE or FILE_INVALID name the flag. */
export async function benchOptions(
  words: string,
  flags: LoadInput,
  settings: () => Promise<Settings>,
): Promise<BenchOptions> {
  const target = parseBenchTarget(words);
  refuseForeignFlags(target, flags);
  const stages = flags.stages === undefined ? undefined : parseStages(flags.stages, "--stages");
  refuseEndless(flags, stages?.reduce((sum, { durationMs }) => sum + durationMs, 0) ?? 0);
  const body = flags.body === undefined ? null : await readBody(flags.body);
  const headers = (flags.header ?? []).map(parseHeader);
  const ca = flags.ca === undefined ? null : (await readGiven("--ca", flags.ca)).toString("utf8");
  const insecure = flags.insecure === true;
  const http: HttpRequestSpec = {
    ...{ method: methodOf(flags, body), headers, body, insecure, ca },
    http2: flags.http2 === true,
    streams: flags.streams ?? STREAMS,
    okStatuses: parseStatuses(flags["expect-status"] ?? "2xx,3xx"),
  };
  const grpc = {
    proto: flags.proto ?? null,
    message: body?.toString("utf8") ?? "{}",
    metadata: headers,
    insecure,
    ca,
  };
  return {
    ...{ target, http, grpc },
    operation: flags.op === undefined ? null : { text: flags.op },
    places: target.kind === "lock" ? lockPlaces(await settings()) : null,
    ...given("connections", flags.connections),
    ...given("durationMs", flags.duration),
    ...given("amount", flags.requests),
    ...given("rate", flags.rate),
    ...given("stages", stages),
    ...given("arrival", flags.arrival),
    ...given("seed", flags.seed),
    ...given("requestTimeoutMs", flags["request-timeout"]),
    ...given("workers", flags.workers),
    ...given("warmupMs", warmupOf(flags)),
    ...given("maxInFlight", flags["max-in-flight"]),
  };
}

function given<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

/** A warm-up and a number of requests would leave open which of them are counted. */
function warmupOf({ warmup, requests }: LoadInput): number | undefined {
  if (warmup === undefined || requests === undefined || warmup === 0) return warmup;
  throw new DcsError("USAGE", "--warmup cannot go with --requests", {
    hint: "give --duration in place of --requests",
    details: { flag: "--warmup", allowed: ["--duration"] },
  });
}

function lockPlaces({ locks, timeoutMs, stateDir }: Settings): LockPlaces {
  return {
    locks: locks.value,
    timeoutMs: timeoutMs.value,
    stateDir: stateDir.value,
    ttlMs: LOCK_TTL_MS,
  };
}

function methodOf({ method }: LoadInput, body: Buffer | null): string {
  if (method === undefined) return body === null ? "GET" : "POST";
  if (METHOD.test(method) && !/^connect$/i.test(method)) return method.toUpperCase();
  throw new DcsError("USAGE", `--method: "${method}" is no method that can be sent`, {
    hint: "give GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS",
    details: { flag: "--method", value: method },
  });
}

/** `2xx,304` */
function parseStatuses(text: string): readonly StatusRange[] {
  return text.split(",").map((part) => {
    const [, digit, status] = /^\s*(?:([1-5])xx|([1-5]\d\d))\s*$/i.exec(part) ?? [];
    if (digit !== undefined) return { from: Number(digit) * 100, to: Number(digit) * 100 + 99 };
    if (status !== undefined) return { from: Number(status), to: Number(status) };
    throw new DcsError("USAGE", `--expect-status: "${part}" is no status`, {
      hint: "write statuses with commas between: 2xx,304",
      details: { flag: "--expect-status", value: text, allowed: "1xx to 5xx, 100 to 599" },
    });
  });
}

/** Read once, for a comparison asks for each of its two targets. */
let stdin: Promise<Buffer> | null = null;

async function readBody(text: string): Promise<Buffer> {
  if (text === "@-") {
    stdin ??= buffer(process.stdin);
    return stdin;
  }
  return text.startsWith("@") ? readGiven("--body", text.slice(1)) : Buffer.from(text);
}

async function readGiven(flag: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DcsError("FILE_INVALID", `${flag} ${path}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
      details: { flag, value: path },
    });
  }
}
