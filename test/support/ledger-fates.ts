import { createHash } from "node:crypto";
import { seededRandom } from "../../src/core/util/seeded-random.ts";

/** One request as the ledger sees it. `attempt` counts those with its key, from 1. */
export interface LedgerCall {
  readonly id: string;
  readonly step: string;
  readonly direction: "do" | "undo" | "probe";
  readonly attempt: number;
}

/** What becomes of a request; `late` takes effect after the caller has given up, `busy` is 409 now and the effect soon after. */
export const LEDGER_FATES = [
  "ok",
  "fail",
  "busy",
  "late",
  "stall",
  "reset",
  "applied-stall",
  "applied-reset",
  "applied-500",
] as const;
export type LedgerFate = (typeof LEDGER_FATES)[number];
export type LedgerFates = (call: LedgerCall) => LedgerFate;

export interface Trouble {
  /** Part of all requests that do not simply work, 0 to 1; 0.3. */
  readonly share?: number;
  /** Part of compensations that are refused, which parks their run; 0.02. */
  readonly undoFails?: number;
  /** From this attempt on all is well; 4. */
  readonly until?: number;
}

/** Fates that depend on the seed and the call alone, not on the order in which calls come. */
export function seededFates(seed: number, trouble: Trouble = {}): LedgerFates {
  const { share = 0.3, undoFails = 0.02, until = 4 } = trouble;
  return ({ id, step, direction, attempt }) => {
    const digest = createHash("sha256")
      .update(JSON.stringify([seed, id, step, direction, attempt]))
      .digest();
    const random = seededRandom(digest.readInt32LE());
    if (attempt >= until) return "ok";
    if (direction === "undo" && attempt === 1 && random() < undoFails) return "fail";
    if (random() >= share) return "ok";
    const choice = LEDGER_FATES[1 + Math.floor(random() * (LEDGER_FATES.length - 1))] ?? "ok";
    // A probe has no effect to lose, and a refused compensation was drawn above.
    return choice === "fail" && direction !== "do" ? "stall" : choice;
  };
}
