import type { ShardTable } from "../keyspace.ts";
import { BUCKET_COLUMN } from "../names.ts";
import type { SchemaSession } from "./server-info.ts";
import { quoteName } from "./table-info.ts";

/** The statements that make tables as another server has them, without what dcs made there. Rejects with a MysqlError. */
export async function definitionsOf(
  model: SchemaSession,
  names: readonly ShardTable["name"][],
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const results = await model.send(names.map((name) => `SHOW CREATE TABLE ${quoteName(name)}`));
  return results.map(([row]) => plainDefinition(String(row?.["Create Table"] ?? "")));
}

/** A definition without dcs's column and index, and without the number that comes next: each server counts for itself. */
export function plainDefinition(text: string): string {
  const ours = new RegExp(`^\\s+(?:KEY )?\`${BUCKET_COLUMN}\` `);
  const lines = text.split("\n").filter((line) => !ours.test(line));
  return lines
    .map((line, i) => (lines[i + 1]?.startsWith(")") === true ? line.replace(/,$/, "") : line))
    .join("\n")
    .replace(/^CREATE TABLE /, "CREATE TABLE IF NOT EXISTS ")
    .replace(/^(\).*?) AUTO_INCREMENT=\d+/m, "$1");
}

/** Makes them; whoever refers to whom. */
export async function makeTables(session: SchemaSession, definitions: readonly string[]): Promise<void> {
  if (definitions.length === 0) return;
  await session.send(["SET SESSION foreign_key_checks = 0"]);
  for (const definition of definitions) await session.send([definition]);
  await session.send(["SET SESSION foreign_key_checks = 1"]);
}
