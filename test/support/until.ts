/**
 * Resolves as soon as `condition` holds; fails after `timeoutMs`. Looks every `everyMs`. The limit is for what never happens, and
 * long enough for a busy machine: how soon something must happen is for `expectWithin` to say.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
  everyMs = 10,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
