import { custom } from "@oclif/core/flags";
import { DcsError } from "../../core/errors.ts";

const MOST = 10_000_000;
const ALLOWED = `a number above 0 and up to ${MOST}, per second`;

/** Requests per second: `1000`, `0.5`, `1000/s`, `2k`. */
export const rateFlag = custom<number>({
  helpValue: "RATE",
  parse: async (input, _context, flag) => {
    const [, digits, k = ""] = /^(\d+(?:\.\d+)?)(k?)(?:\/s)?$/.exec(input.trim()) ?? [];
    const value = Number(digits) * (k === "" ? 1 : 1000);
    if (value > 0 && value <= MOST) return value;
    throw new DcsError("USAGE", `--${flag.name}: "${input}" is not ${ALLOWED}`, {
      hint: "write 1000, 0.5 or 2k",
      details: { flag: `--${flag.name}`, value: input, allowed: ALLOWED },
    });
  },
});
