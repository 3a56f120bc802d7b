import { formatMetric } from "../../verdict/metric.ts";
import { isLocalFailure } from "../drive/failure-kind.ts";
import type { SeriesPoint } from "../result.ts";
import { trend } from "../stats/trend.ts";
import type { Measured } from "./bench-metrics.ts";

/** Why a run proves less than it seems to. */
export interface Doubt {
  /**
   * `latency`: times and rates are not the target's own, so a broken threshold on them proves nothing; one on errors does. `load`: the target had less to do than was asked, so what is broken is broken, and what holds proves nothing.
   * `all`: nothing is proved.
   */
  readonly distorts: "latency" | "load" | "all";
  readonly reason: string;
}

export interface DoubtInput {
  readonly measured: Measured;
  readonly series: readonly SeriesPoint[];
  /** In max mode there is no schedule: offered is null. */
  readonly offered: number | null;
  readonly utilisation: number;
  readonly workers: number;
  readonly errors: readonly { readonly kind: string; readonly count: number }[];
  readonly maxInFlight: number;
  /** What this generator manages per second against a server that does nothing; null where that is not known. */
  readonly ceiling: number | null;
}

/** So near to its ceiling it is the generator that is measured. */
const NEAR_CEILING = 0.8;

const BUSY = 0.8;
/** The pacer may be so late, */
const LAG_MS = 2;
/** or by this share of what is measured. */
const LAG_SHARE = 0.1;
/** A change within the measurement that matters. */
const TREND_CHANGE = 0.1;

/** What speaks against believing a run. */
export function doubtsOf(input: DoubtInput): readonly Doubt[] {
  const { measured, series, offered, utilisation, errors, maxInFlight } = input;
  const { counts, latency, lag } = measured;
  if (counts.sent === 0) {
    return [
      {
        distorts: "all",
        reason:
          "not one request was sent in the measurement (the warm-up is not part of it), so there is nothing to judge",
      },
    ];
  }
  const doubts: Doubt[] = [];
  const local = errors.filter(({ kind }) => isLocalFailure(kind));
  for (const { kind, count } of local) {
    doubts.push({
      distorts: "all",
      reason: `this machine ran out of ${RAN_OUT[kind] ?? kind} (${kind}, ${count} times)`,
    });
  }
  const late = lag.percentile(99);
  if (offered !== null && late > Math.max(LAG_MS, LAG_SHARE * latency.percentile(99))) {
    doubts.push({
      distorts: "latency",
      reason: `the generator was late itself: one request in 100 left ${formatMetric("latency", late)} after its time or later; give it more --workers or a lower --rate, or use a machine with less to do`,
    });
  }
  if (isBusy(utilisation)) doubts.push(...busy(input));
  if (counts.dropped > 0) {
    doubts.push({
      distorts: "load",
      reason: `${counts.dropped} requests were never sent, since ${maxInFlight} were under way already: the target does not keep up with this rate, or needs a higher --max-in-flight`,
    });
  }
  const warming = stillWarming(series, offered);
  if (warming !== null) doubts.push({ distorts: "latency", reason: warming });
  return doubts;
}

const RAN_OUT: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: "ports for new connections",
  EMFILE: "files that a process may open",
  ENFILE: "files that may be open",
  ENOBUFS: "memory for connections",
};

/** An event loop that works for so much of the time makes requests wait. */
export function isBusy(utilisation: number): boolean {
  return utilisation > BUSY;
}

function busy({ utilisation, workers, offered, ceiling, measured }: DoubtInput): readonly Doubt[] {
  const share = `${Math.round(utilisation * 100)}%`;
  const each = workers === 1 ? "the generator" : "a worker of the generator";
  if (offered !== null) {
    return [
      {
        distorts: "latency",
        reason: `${each} was busy ${share} of the time, so answers waited to be seen; add --workers or lower --rate`,
      },
    ];
  }
  if (ceiling === null) {
    return [
      {
        distorts: "latency",
        reason: `${each} was busy ${share} of the time: what was measured may be its own limit, and the target may take more; add --workers, or set a --rate`,
      },
    ];
  }
  if (measured.achieved < NEAR_CEILING * ceiling) return [];
  return [
    {
      distorts: "latency",
      reason: `the generator is at its own limit: it manages ${formatMetric("rate", ceiling)} against a server that does nothing, so the target may take more than ${formatMetric("rate", measured.achieved)}; add --workers, or use a machine with more processors`,
    },
  ];
}

/** Times that still fall, or a rate that still rises, are of a target that was not warm. */
function stillWarming(series: readonly SeriesPoint[], offered: number | null): string | null {
  const full = series.filter(({ ok }) => ok > 0);
  if (full.length < series.length) return null;
  const times = trend(
    full.map(({ p50 }) => p50),
    { minChange: TREND_CHANGE },
  );
  const rates = trend(
    full.map(({ ok, seconds }) => ok / seconds),
    { minChange: TREND_CHANGE },
  );
  if (offered === null) {
    if (rates.direction !== "rising") return null;
    return `the rate still rose by ${percent(rates.change)} while it was measured: warm it up for longer (--warmup), or measure for longer`;
  }
  if (times.direction !== "falling") return null;
  return `p50 still fell by ${percent(times.change)} while it was measured: warm it up for longer (--warmup), or measure for longer`;
}

function percent(change: number): string {
  return `${Math.round(Math.abs(change) * 100)}%`;
}
