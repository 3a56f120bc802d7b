import { z } from "zod";

export const movePhaseSchema = z.object({
  /** In the mover's words: `copy`. */
  phase: z.string(),
  rowsCopied: z.number(),
  rowsTotal: z.number().nullable(),
  /** Changed rows brought after the copy. */
  applied: z.number(),
  /** Changed rows that wait. */
  backlog: z.number(),
  bytesPerS: z.number().exactOptional(),
  pauseMs: z.number().nullable(),
  /** Epoch ms of the phase's beginning. */
  since: z.number(),
});

/** Where a move stands, for people. Nothing is decided by it. */
export type MovePhase = Readonly<z.infer<typeof movePhaseSchema>>;
