/** What a move of the past took, as the history has it. */
export interface PastMove {
  readonly outcome: string;
  readonly rows: number;
  readonly durationMs: number;
  readonly pauseMs: number | null;
}

/** How long moves will take, and what writers will notice. */
export interface Estimate {
  /** From the first claim to the last clean-up, ms. */
  readonly durationMs: number;
  /** How long writes to a bucket wait at its cut, ms; in the middle. */
  readonly pauseMs: number;
  /** Of one move. */
  readonly rowsPerS: number;
  /** `history`: as the last moves of this keyspace went. `assumed`: there are none yet. */
  readonly from: "history" | "assumed";
}

const ASSUMED = { rowsPerS: 20_000, eachMs: 1000, pauseMs: 50 } as const;
/** What a move takes besides its copy is learnt from smaller ones, the rate of the copy from larger ones. */
const LARGE = 5000;

/**
 * How long it takes to move buckets of so many rows, `concurrency` at a time, at most `maxRate` rows a second together; by how past
 * moves went where there are some, newest first.
 */
export function estimateMoves(
  moves: readonly { readonly rows: number }[],
  past: readonly PastMove[],
  { concurrency, maxRate }: { readonly concurrency: number; readonly maxRate: number | null },
): Estimate {
  const moved = past.filter(({ outcome }) => outcome === "moved");
  const small = moved.filter((move) => move.rows < LARGE).map(({ durationMs }) => durationMs);
  const eachMs = median(small) ?? ASSUMED.eachMs;
  const rates = moved
    .filter((move) => move.rows >= LARGE)
    .map((move) => (move.rows * 1000) / Math.max(1, move.durationMs - eachMs));
  const rowsPerS = Math.max(1, median(rates) ?? ASSUMED.rowsPerS);
  const pauses = moved.flatMap(({ pauseMs }) => (pauseMs === null ? [] : [pauseMs]));
  const takes = moves.map((move) => eachMs + (move.rows * 1000) / rowsPerS);
  const rows = moves.reduce((sum, move) => sum + move.rows, 0);
  const throttled = maxRate === null ? 0 : (rows * 1000) / maxRate;
  return {
    durationMs: Math.round(Math.max(lastEnd(takes, concurrency), throttled)),
    pauseMs: Math.round(median(pauses) ?? ASSUMED.pauseMs),
    rowsPerS: Math.round(rowsPerS),
    from: moved.length > 0 ? "history" : "assumed",
  };
}

/** When the last one ends, if each goes to whichever of the hands is free first. */
function lastEnd(takes: readonly number[], hands: number): number {
  const busyUntil = Array.from({ length: Math.max(1, hands) }, () => 0);
  for (const ms of takes) {
    const first = busyUntil.indexOf(Math.min(...busyUntil));
    busyUntil[first] = (busyUntil[first] ?? 0) + ms;
  }
  return Math.max(...busyUntil);
}

function median(numbers: readonly number[]): number | null {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
