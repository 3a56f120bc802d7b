import { z } from "zod";

export const historyEntrySchema = z.object({
  /** Of this entry; one that is written twice stands once. */
  id: z.string().regex(/^[A-Za-z0-9._-]+$/),
  /** Epoch ms of the move's end. */
  at: z.number().int().nonnegative(),
  /** Who: `user@host`. */
  by: z.string(),
  /** Of the move's record. */
  plan: z.string(),
  bucket: z.number().int().nonnegative(),
  src: z.string(),
  dst: z.string(),
  outcome: z.enum(["moved", "aborted"]),
  rows: z.number(),
  bytes: z.number(),
  durationMs: z.number(),
  predictedPauseMs: z.number().nullable(),
  pauseMs: z.number().nullable(),
  /** By table. */
  checksums: z.record(z.string(), z.string()),
  /** Rows that verification had to copy again. */
  differences: z.array(z.string()).exactOptional(),
  error: z.string().nullable(),
});

/** One move that ended, kept for ever. */
export type HistoryEntry = Readonly<z.infer<typeof historyEntrySchema>>;
