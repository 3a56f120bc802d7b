/**
 * The number as digits without an exponent, times 10 to the power of `shift`. Exact: `Number()` of what stands here, and of it
 * with `e-<shift>` behind it, is the number again. Finite numbers only.
 */
export function decimal(value: number, shift = 0): string {
  if (value === 0) return "0";
  const [mantissa = "0", exponent = "0"] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const whole = Number(exponent) + 1 + shift;
  const padded = whole > 0 ? digits.padEnd(whole, "0") : "0".repeat(1 - whole) + digits;
  const point = Math.max(1, whole);
  const rest = padded.slice(point);
  return `${value < 0 ? "-" : ""}${padded.slice(0, point)}${rest === "" ? "" : `.${rest}`}`;
}
