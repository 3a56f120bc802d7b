import { z } from "zod";
import type { Plan } from "../../plan/plan.ts";
import type { UninstallServer, UninstallTarget } from "./uninstall-keyspace.ts";

export const UNINSTALL_KIND = "shard.uninstall";

/** What `dcs shard uninstall` was asked for, as a plan file has it: without URLs, which may have passwords. */
export interface UninstallWish {
  readonly keyspace: string;
  /** Names of servers that the store does not know of; empty for the whole keyspace. */
  readonly shards: readonly string[];
}

export const uninstallWishSchema: z.ZodType<UninstallWish> = z.object({
  keyspace: z.string(),
  shards: z.array(z.string()),
});

/** The plan to take away what was seen; it stands while the keyspace, its map and the servers are as they were. */
export function uninstallPlan(
  wish: UninstallWish,
  target: UninstallTarget,
  where: Pick<Plan, "madeAt" | "context" | "backend">,
): Plan {
  const { state, mapRevision, servers } = target;
  return {
    kind: UNINSTALL_KIND,
    ...where,
    what: `take keyspace ${wish.keyspace} away${state === null ? ` from ${wish.shards.join(", ")}` : ""}`,
    steps: [
      ...(state === null ? [] : [`store    ${where.backend}: the keyspace, its map and its history`]),
      ...servers.map((server) => `shard    ${serverLine(server)}`),
      ...(state === null || servers.filter(({ buckets }) => buckets > 0).length < 2
        ? ["rows     stay as they are"]
        : [
            "rows     stay where they are now: spread over these servers, and nothing knows any more what is where",
          ]),
    ],
    action: { ...wish },
    precondition: {
      keyspace: state?.revision ?? null,
      map: mapRevision,
      servers: servers.map(({ session, statements }) => ({
        shard: session.shard,
        url: session.shown,
        statements,
      })),
    },
  };
}

function serverLine({ session, tables, buckets, record, statements }: UninstallServer): string {
  const triggers = statements.filter((statement) => statement.startsWith("DROP TRIGGER")).length;
  const what =
    record === null && triggers === 0
      ? "nothing of dcs is there"
      : `${triggers} triggers, the column dcs_bucket of ${tables.join(", ") || "no table"}, the tables of dcs`;
  return `${session.shard} (${session.shown}): ${what}${buckets > 0 ? `; it has ${buckets} buckets` : ""}`;
}
