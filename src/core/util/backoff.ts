/** Exponential back-off with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015). */
export interface BackoffPolicy {
  /** Upper bound of the first delay, ms. */
  readonly initialMs: number;
  readonly factor: number;
  /** Upper bound of any delay, ms. */
  readonly maxMs: number;
}

/**
 * The delay before retry number `attempt` (0 for the first), ms: uniform in (0, min(max, initial·factor^attempt)].
 * `random` returns [0, 1).
 */
export function backoffDelay(
  policy: BackoffPolicy,
  attempt: number,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(policy.maxMs, policy.initialMs * policy.factor ** attempt);
  return ceiling * (1 - random());
}
