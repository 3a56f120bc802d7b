import { BUCKET_COLUMN, BUCKET_TABLE, LOG_TABLE, META_TABLE, PROGRESS_TABLE } from "../names.ts";
import { readFound } from "./schema-state.ts";
import type { SchemaSession } from "./server-info.ts";
import { quoteName } from "./table-info.ts";
import { isOurTrigger } from "./triggers.ts";

export interface UninstallSpec {
  /** Names of the sharded tables. */
  readonly tables: readonly string[];
  readonly dryRun?: boolean;
}

/**
 * Takes away what `installSchema` made, and nothing else: the tables and their rows stay. What is gone already is passed over.
 * Resolves with the statements. Rejects with a MysqlError.
 */
export async function uninstallSchema(
  session: SchemaSession,
  { tables, dryRun }: UninstallSpec,
): Promise<readonly string[]> {
  const found = await readFound(session, tables);
  const statements = [
    "SET SESSION lock_wait_timeout = 3",
    // All triggers before the first table that they read.
    ...tables.flatMap((table) =>
      (found.get(table)?.triggers ?? [])
        .filter(({ name }) => isOurTrigger(name, table))
        .map(({ name }) => `DROP TRIGGER IF EXISTS ${quoteName(name)}`),
    ),
    ...tables.flatMap((table) => {
      const { expression, index } = found.get(table) ?? { expression: null, index: [] };
      const column = quoteName(BUCKET_COLUMN);
      const drops = [
        ...(index.length === 0 ? [] : [`DROP KEY ${column}`]),
        // A column by that name that is not computed is not ours.
        ...(expression === null || expression === "" ? [] : [`DROP COLUMN ${column}`]),
      ];
      return drops.length === 0 ? [] : [`ALTER TABLE ${quoteName(table)} ${drops.join(", ")}`];
    }),
    `DROP TABLE IF EXISTS ${[PROGRESS_TABLE, LOG_TABLE, BUCKET_TABLE, META_TABLE].map(quoteName).join(", ")}`,
  ];
  if (dryRun !== true) for (const statement of statements) await session.send([statement]);
  return statements;
}
