import { boolean, option, string } from "@oclif/core/flags";
import { ARRIVALS } from "../../core/bench/load/schedule.ts";
import { durationFlag, integerFlag, positiveDurationFlag } from "../flags.ts";
import { rateFlag } from "./rate-flag.ts";

/** How the load is made. */
export const loadFlags = {
  connections: integerFlag({
    char: "c",
    min: 1,
    max: 100_000,
    summary: "Requests under way at a time (10); with --rate, connections at most (as many as are needed)",
  }),
  duration: positiveDurationFlag({ char: "d", summary: "How long it is measured (10s)" }),
  requests: integerFlag({
    char: "n",
    min: 1,
    max: 1_000_000_000,
    exclusive: ["duration", "stages"],
    summary: "End after so many requests, in place of --duration",
  }),
  rate: rateFlag({ char: "R", summary: "Requests per second, sent on time whatever became of those before" }),
  stages: string({
    exclusive: ["rate", "duration"],
    helpValue: "RATE:DUR,…",
    summary: "Rates one after the other: 100:30s,100-1000:1m rises from 100 to 1000",
  }),
  arrival: option({
    options: ARRIVALS,
    summary: "With --rate: at even distances (even), or as independent users come (poisson)",
  })(),
  workers: integerFlag({ char: "w", min: 1, max: 64, summary: "Threads that send (by processors and rate)" }),
  warmup: durationFlag({ summary: "Load before the measurement (a tenth of it, 2s at most)" }),
  "request-timeout": positiveDurationFlag({ summary: "Longest time for one request (10s)" }),
  "max-in-flight": integerFlag({
    min: 1,
    max: 1_000_000,
    summary:
      "With --rate: what is due while so many are under way is dropped (rate × request timeout, 10000 at most)",
  }),
  seed: integerFlag({ min: 0, max: 2 ** 31 - 1, summary: "Of the arrivals of --arrival poisson (1)" }),
};

/** What is sent. */
export const requestFlags = {
  method: string({ char: "m", summary: "Method of HTTP (GET; POST with --body)" }),
  header: string({
    char: "H",
    multiple: true,
    helpValue: "NAME:VALUE",
    summary: "Header, or metadata of gRPC",
  }),
  body: string({
    char: "b",
    helpValue: "TEXT|@FILE",
    summary: "Body, or the message of gRPC as JSON; @- is stdin",
  }),
  "expect-status": string({
    helpValue: "LIST",
    summary: "Statuses that count as answered well (2xx,3xx)",
  }),
  http2: boolean({ summary: "HTTP/2: by ALPN with https, from the first byte with http" }),
  streams: integerFlag({ min: 1, max: 1000, summary: "HTTP/2: requests at a time on a connection (10)" }),
  insecure: boolean({ char: "k", summary: "Believe any certificate" }),
  ca: string({ helpValue: "FILE", summary: "PEM of the authorities to believe" }),
  op: string({
    helpValue: "TEXT",
    summary:
      "What is done to redis, etcd or mysql: 'GET key', 'put key value', 'SELECT 1'; {n} counts, {r} is random",
  }),
  proto: string({ helpValue: "FILE", summary: "Types of gRPC; without it the server is asked (reflection)" }),
};

/** What is judged, and where the result goes. */
export const verdictFlags = {
  threshold: string({
    char: "T",
    multiple: true,
    helpValue: "EXPR",
    summary: "What must hold: 'p99<200ms', 'error_rate<0.5%', 'rate>1000/s'",
  }),
  "abort-early": durationFlag({
    summary: "End it as soon as a threshold is broken, so long after the beginning or later",
  }),
  runs: integerFlag({ min: 1, max: 1000, summary: "Measure so many times; comparisons count runs (1)" }),
  "min-effect": string({ helpValue: "SHARE", summary: "Smallest change that matters to a comparison (5%)" }),
  report: string({
    helpValue: "FILE",
    summary: "Write an HTML page with charts, readable without a network",
  }),
  junit: string({ helpValue: "FILE", summary: "Write JUnit XML" }),
};
