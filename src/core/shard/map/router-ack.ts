import { z } from "zod";

export const routerAckSchema = z.object({
  /** The map it routes by, and since when nothing it began by an older one is under way. */
  revision: z.number().int().nonnegative(),
  host: z.string(),
  pid: z.number(),
  /** Epoch ms. */
  at: z.number(),
});

/** What a router says of itself, on its lease. */
export type RouterAck = Readonly<z.infer<typeof routerAckSchema>>;
