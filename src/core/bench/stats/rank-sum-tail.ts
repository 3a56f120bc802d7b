/**
 * Of all ways to choose `size` of these ranks, the share whose sum is at least as far from the expected one as `observed` is. Ranks
 * are whole numbers from 1 up (of ties, doubled midranks); the sum of all choices must stay below 2^53.
 *
 * The shift algorithm of Streitberg and Röhmel, "Exact distributions for permutation and rank tests", Statistical Software
 * Newsletter 12 (1986): one rank after another is taken in or left out, and sums are counted. It needs no ranks without ties.
 */
export function rankSumTail(ranks: readonly number[], size: number, observed: number): number {
  const rising = ranks.toSorted((a, b) => a - b);
  const sumOf = (some: readonly number[]) => some.reduce((sum, rank) => sum + rank, 0);
  const total = sumOf(ranks);
  const width = sumOf(rising.slice(ranks.length - size)) + 1;
  // counts[taken * width + sum]
  const counts = new Float64Array((size + 1) * width);
  counts[0] = 1;
  for (const [index, rank] of rising.entries()) {
    // Fewer than that cannot become `size` with the ranks that are left; nor can a sum be larger than so many times this rank.
    const fewest = Math.max(1, size - (ranks.length - 1 - index));
    for (let taken = Math.min(index + 1, size); taken >= fewest; taken -= 1) {
      const [to, from] = [taken * width, (taken - 1) * width - rank];
      const reach = Math.min(taken * rank, width - 1);
      for (let sum = rank; sum <= reach; sum += 1) {
        counts[to + sum] = (counts[to + sum] ?? 0) + (counts[from + sum] ?? 0);
      }
    }
  }
  // Distances times the number of ranks, so that they are whole numbers.
  const distance = (sum: number) => Math.abs(sum * ranks.length - total * size);
  const least = distance(observed);
  let [all, far] = [0, 0];
  for (let sum = 0; sum < width; sum += 1) {
    const count = counts[size * width + sum] ?? 0;
    all += count;
    if (distance(sum) >= least) far += count;
  }
  return far / all;
}
