import type { MysqlRow } from "../../mysql/mysql-connection.ts";
import type { ShardTable } from "../keyspace.ts";
import { MOVER_VARIABLE } from "../names.ts";
import { type Finding, findingsOf } from "./finding.ts";
import type { FoundTrigger } from "./schema-state.ts";
import { isOurTrigger } from "./triggers.ts";

/** A foreign key of or to a sharded table. */
export interface ForeignKey {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly parent: string;
  readonly parentColumns: readonly string[];
  /** What the server does to rows of `table` by itself; null for nothing. */
  readonly cascade: string | null;
}

/** The rows of foreign-keys.sql, a key each. */
export function foreignKeysOf(rows: readonly MysqlRow[]): readonly ForeignKey[] {
  const by = Map.groupBy(rows, (row) => `${row["tbl"]}.${row["name"]}`);
  return [...by.values()].map((parts) => {
    const [first] = parts;
    const cascades = [`ON UPDATE ${first?.["on_update"]}`, `ON DELETE ${first?.["on_delete"]}`].filter(
      (rule) => !/(?:RESTRICT|NO ACTION)$/i.test(rule),
    );
    return {
      name: String(first?.["name"]),
      table: String(first?.["tbl"]),
      columns: parts.map((row) => String(row["col"])),
      parent: String(first?.["parent"]),
      parentColumns: parts.map((row) => String(row["parent_col"])),
      cascade: cascades.length === 0 ? null : cascades.join(" "),
    };
  });
}

/** What foreign keys between sharded tables, and from and to others, speak against. */
export function foreignKeyFindings(
  tables: readonly Pick<ShardTable, "name" | "key">[],
  keys: readonly ForeignKey[],
): readonly Finding[] {
  const keyOf = new Map(tables.map(({ name, key }) => [name, key]));
  return keys.flatMap(({ name, table, columns, parent, parentColumns, cascade }) => {
    const { found, refuse, warn } = findingsOf(table);
    const key = keyOf.get(table);
    const parentKey = keyOf.get(parent);
    if (key === undefined) {
      refuse(
        "foreign-key-from-outside",
        `its foreign key ${name} refers to the sharded table ${parent}, and it is not sharded itself: its rows would stay behind`,
        `shard it too, or drop ${name}`,
      );
    } else if (cascade !== null) {
      refuse(
        "foreign-key-cascade",
        `its foreign key ${name} (${cascade}) changes rows without firing triggers: writes to a moving bucket would be lost`,
        `ALTER TABLE ${table} DROP FOREIGN KEY ${name}, and add it again without ${cascade}`,
      );
    } else if (parentKey === undefined) {
      warn(
        "foreign-key-to-outside",
        `its foreign key ${name} refers to ${parent}, which is not sharded: rows are moved without looking whether the other server has what they refer to`,
        `keep ${parent} the same on every shard`,
      );
    } else if (columns.indexOf(key) === -1 || columns.indexOf(key) !== parentColumns.indexOf(parentKey)) {
      warn(
        "foreign-key-across",
        `its foreign key ${name} does not tie ${key} to ${parent}.${parentKey}: a row and what it refers to may be on different shards`,
        "put the shard key into both sides of it",
      );
    }
    return found;
  });
}

/** What other triggers of a sharded table speak against. */
export function triggerFindings(table: string, triggers: readonly FoundTrigger[]): readonly Finding[] {
  const { found, refuse } = findingsOf(table);
  for (const { name, timing, event, body, order } of triggers) {
    if (isOurTrigger(name, table)) continue;
    const ours = triggers.find(
      (each) => isOurTrigger(each.name, table) && each.timing === timing && each.event === event,
    );
    if (ours !== undefined && timing === "BEFORE" && event !== "DELETE" && order > ours.order) {
      refuse(
        "trigger-after-ours",
        `its trigger ${name} runs after that of dcs, which does not see what it changes`,
        `drop it, and make it again with PRECEDES ${ours.name}`,
      );
    }
    // A mover deletes and replaces; it never updates.
    if (event !== "UPDATE" && !body.includes(MOVER_VARIABLE)) {
      refuse(
        "trigger-fires",
        `its trigger ${name} (${timing} ${event}) would run again for each row that is moved`,
        `make what it does depend on IF ${MOVER_VARIABLE} IS NULL THEN …, which is so for applications and not for a move`,
      );
    }
  }
  return found;
}
