import type { BenchResult } from "../result.ts";
import { count, ms, rate, share, shareOf } from "./number-cells.ts";
import type { Figure, Tone } from "./report.ts";

/** Less than this share of what was offered, and the rate was not kept. */
const KEPT = 0.99;

/** The numbers to see first: what it was asked for and took, and what became of the requests. */
export function benchFigures(result: BenchResult): readonly (readonly Figure[])[] {
  return [speed(result), fates(result)];
}

function speed({ rate: rates, latencyMs, requests }: BenchResult): readonly Figure[] {
  const isEmpty = requests.ok + requests.timeouts + requests.unfinished === 0;
  const { offered, achieved } = rates;
  const latency = (label: string, value: number) => figure(label, ms(isEmpty ? null : value));
  return [
    {
      label: "achieved",
      value: rate(achieved),
      note: offered === null ? "as much as was answered" : `of ${rate(offered)} offered`,
      tone: offered !== null && achieved < KEPT * offered ? "bad" : "plain",
    },
    latency("p50", latencyMs.p50),
    latency("p90", latencyMs.p90),
    latency("p99", latencyMs.p99),
    latency("p99.9", latencyMs.p999),
    latency("max", latencyMs.max),
  ];
}

function fates({ requests, mode }: BenchResult): readonly Figure[] {
  const { sent, ok, errors, timeouts, unfinished, dropped } = requests;
  const fault = (label: string, value: number, whole = sent) =>
    figure(label, count(value), value > 0 ? shareOf(value, whole) : null, value > 0 ? "bad" : "quiet");
  return [
    figure("sent", count(sent)),
    figure("ok", count(ok), sent > 0 ? share(ok / sent) : null),
    fault("errors", errors),
    fault("timeouts", timeouts),
    fault("unfinished", unfinished),
    ...(mode === "rate" ? [fault("dropped", dropped, sent + dropped)] : []),
  ];
}

function figure(label: string, value: string, note: string | null = null, tone: Tone = "plain"): Figure {
  return { label, value, note, tone };
}
