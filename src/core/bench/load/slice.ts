import type { RequestCounts } from "../result.ts";

/** What one worker saw in one slice of the measurement; plain data, for another thread. */
export interface SliceReport {
  /** From 0; the last one after the end holds the answers that came after it. */
  readonly index: number;
  readonly counts: RequestCounts;
  readonly bytes: number;
  /** Answered well, and sent in the warm-up: of the rate, and of nothing else. */
  readonly carried: number;
  /** Encoded histograms. */
  readonly latency: string;
  readonly service: string;
  readonly lag: string;
  readonly errorLatency: string;
  readonly errors: readonly SliceError[];
  readonly instances: readonly SliceInstance[];
}

export interface SliceError {
  readonly kind: string;
  readonly count: number;
  readonly example: string;
}

export interface SliceInstance {
  readonly index: number;
  readonly counts: Omit<RequestCounts, "dropped">;
  readonly latency: string;
}
