import { DcsError } from "../../core/errors.ts";

const USUAL = 0.05;

/** `5%` or `0.05`, as a share; 0.05 when nothing is given. USAGE names the flag. */
export function parseEffect(text: string | undefined): number {
  if (text === undefined) return USUAL;
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim()) ?? [];
  const value = Number(digits) / (percent === "%" ? 100 : 1);
  if (value > 0 && value <= 1) return value;
  throw new DcsError("USAGE", `--min-effect: "${text}" is not a share above 0 and up to 100%`, {
    hint: "write 5% or 0.05",
    details: { flag: "--min-effect", value: text, allowed: "0% to 100%" },
  });
}
