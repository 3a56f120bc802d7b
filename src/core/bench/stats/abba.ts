export type Side = "a" | "b";

/**
 * In which order to run A and B, n times each: blocks of `abba` and of its mirror image `baab`, as the Thue-Morse sequence has them.
 * What drifts steadily on the machine meanwhile weighs on both alike when n is even, and on one a single place more when it is odd;
 * drift that slows down (a processor that gets warm) nearly so, which `abba` over and over does not give.
 */
export function abbaOrder(n: number): readonly Side[] {
  return Array.from({ length: 2 * n }, (_, index) => (hasOddBits(index) ? "b" : "a"));
}

function hasOddBits(value: number): boolean {
  let isOdd = false;
  for (let rest = value; rest > 0; rest >>>= 1) isOdd = isOdd !== ((rest & 1) === 1);
  return isOdd;
}
