import { isDcsError } from "../../errors.ts";
import { parseThreshold, type Threshold } from "../../verdict/threshold.ts";
import type { ThresholdResult } from "../result.ts";

/** The thresholds on latencies, understood, in the order in which they were given. Others are left out. */
export function latencyThresholds(results: readonly ThresholdResult[]): readonly Threshold[] {
  return results.flatMap(({ expr }) => {
    try {
      return [
        parseThreshold(expr, "threshold", {
          named: { max: "latency" },
          percentiles: ["", "lag"],
        }),
      ];
    } catch (error) {
      if (isDcsError(error, "USAGE")) return [];
      throw error;
    }
  });
}
