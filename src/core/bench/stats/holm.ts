/**
 * The p-values of a family of tests, adjusted so that the chance of even one false alarm in the whole family stays below the level
 * they are held to. In the order given; never below the p-value itself, never above 1. Holm, "A simple sequentially rejective multiple
 * test procedure", Scandinavian Journal of Statistics 6 (1979).
 */
export function holm(pValues: readonly number[]): readonly number[] {
  const rising = pValues.map((p, index) => ({ p, index })).toSorted((a, b) => a.p - b.p);
  const adjusted = pValues.map(() => 1);
  let least = 0;
  for (const [rank, { p, index }] of rising.entries()) {
    least = Math.max(least, Math.min(1, p * (pValues.length - rank)));
    adjusted[index] = least;
  }
  return adjusted;
}
