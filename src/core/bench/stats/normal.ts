/**
 * The value below which a share `p` of a standard normal distribution lies: Wichura, "Algorithm AS 241: The Percentage Points of
 * the Normal Distribution", Applied Statistics 37 (1988), PPND7. Right to about 1 part in 10^7. ±Infinity at 0 and 1; NaN outside.
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0 || p === 1) return p === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(CENTRE[0], r)) / polynomial(CENTRE[1], r);
  }
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  const [[above, below], shift] = r <= 5 ? [MIDDLE, 1.6] : [TAIL, 5];
  return (Math.sign(q) * polynomial(above, r - shift)) / polynomial(below, r - shift);
}

/**
 * The share of a standard normal distribution that lies above `z`: Hart's algorithm 5666 as given by West, "Better approximations
 * to cumulative normal functions", Wilmott Magazine (2005). Right to 10^-15, and far out to 1 part in 10^8. NaN of NaN.
 */
export function normalUpperTail(z: number): number {
  if (z < 0) return 1 - normalUpperTail(-z);
  const density = Math.exp((-z * z) / 2);
  if (z < 5 * Math.SQRT2) return (density * polynomial(WEST[0], z)) / polynomial(WEST[1], z);
  // A continued fraction; beyond 38 the density is 0.
  const fraction = [4, 3, 2, 1].reduce((rest, step) => z + step / rest, z + 0.65);
  return density / fraction / Math.sqrt(2 * Math.PI);
}

/** Coefficients from the constant up. */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}

type Fraction = readonly [readonly number[], readonly number[]];

const CENTRE: Fraction = [
  [3.3871327179, 50.434271938, 159.29113202, 59.10937472],
  [1, 17.895169469, 78.757757664, 67.1875636],
];
const MIDDLE: Fraction = [
  [1.4234372777, 2.75681539, 1.3067284816, 0.17023821103],
  [1, 0.7370016425, 0.12021132975],
];
const TAIL: Fraction = [
  [6.657905115, 3.081226386, 0.42868294337, 0.017337203997],
  [1, 0.24197894225, 0.012258202635],
];
const WEST: Fraction = [
  [
    220.206867912376, 221.213596169931, 112.079291497871, 33.912866078383, 6.37396220353165,
    0.700383064443688, 3.52624965998911e-2,
  ],
  [
    440.413735824752, 793.826512519948, 637.333633378831, 296.564248779674, 86.7807322029461, 16.064177579207,
    1.75566716318264, 8.83883476483184e-2,
  ],
];
