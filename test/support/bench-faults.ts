import { expect } from "vitest";
import type { BenchResult } from "../../src/core/bench/result.ts";
import type { BenchSaid } from "./bench-command.ts";
import { type RawRequest, whole } from "./raw-server.ts";

/** Max mode is sent by autocannon, rate mode by dcs. */
export const MODES = [
  ["max mode", ["-c", "4", "-w", "1"]],
  ["rate mode", ["-R", "50", "-w", "1"]],
] as const;
export const SHORT = ["--warmup", "0", "--request-timeout", "1s"];

/** The errors are told; a machine that is busy with other things may make it say that nothing is proved by them. */
export function expectFailed({ code, error, result }: BenchSaid): void {
  expect([98, 99]).toContain(code);
  expect(error?.code).toBe(code === 99 ? "BENCH_FAILED" : "BENCH_INVALID");
  expect(result?.reasons.join("; ")).toContain("error_rate is");
}

export function kindsOf({ errors }: BenchResult): readonly string[] {
  return errors.map(({ kind }) => kind).toSorted();
}

/** Good answers, but for the requests of which `isBad` says so; the first is the probe. */
export function sometimes(isBad: (number: number) => boolean, bad: (request: RawRequest) => void) {
  return (request: RawRequest) => {
    if (isBad(request.number)) bad(request);
    else setTimeout(() => request.socket.write(whole()), 2);
  };
}
