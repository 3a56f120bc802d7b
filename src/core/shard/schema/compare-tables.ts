import { type Finding, findingsOf } from "./finding.ts";
import type { ColumnInfo, KeyInfo, TableInfo } from "./table-info.ts";

/** Tables of one shard. */
export interface TablesOf {
  readonly shard: string;
  readonly tables: ReadonlyMap<string, TableInfo>;
}

/** In what the tables of two shards differ that a row could not survive. Indexes that are not unique may differ. */
export function compareTables(names: readonly string[], one: TablesOf, other: TablesOf): readonly Finding[] {
  return names.flatMap((name) => {
    const { found, refuse } = findingsOf(name);
    const [a, b] = [one.tables.get(name), other.tables.get(name)];
    if (a === undefined || b === undefined) {
      if (a !== b) {
        const lacks = a === undefined ? one.shard : other.shard;
        refuse(
          "tables-differ",
          `there is no such table on ${lacks}`,
          "make it there as it is on the other shards",
        );
      }
      return found;
    }
    const columns = new Set([...a.columns, ...b.columns].map((column) => column.name));
    for (const column of columns) {
      const [left, right] = [a, b].map((table) =>
        sayColumn(table.columns.find((each) => each.name === column)),
      );
      if (left === right) continue;
      refuse(
        "tables-differ",
        `the column is ${left} on ${one.shard} and ${right} on ${other.shard}`,
        "make the tables the same on every shard",
        column,
      );
    }
    for (const key of new Set([...uniqueOf(a), ...uniqueOf(b)])) {
      if (uniqueOf(a).includes(key) && uniqueOf(b).includes(key)) continue;
      const has = uniqueOf(a).includes(key) ? one.shard : other.shard;
      refuse("tables-differ", `only ${has} has ${key}`, "make the tables the same on every shard");
    }
    return found;
  });
}

/** Without what servers of different makes and versions say differently of the same column. */
function sayColumn(column: ColumnInfo | undefined): string {
  if (column === undefined) return "not there";
  const { columnType, charset, collation, isNullable, isGenerated, isAutoIncrement } = column;
  const type = columnType.replace(/\b((?:tiny|small|medium|big)?int|year)\(\d+\)/g, "$1");
  const text =
    charset === null
      ? []
      : [charset === "utf8" ? "utf8mb3" : charset, (collation ?? "").replace(/^utf8_/, "utf8mb3_")];
  return [
    type,
    ...text,
    ...(isNullable ? ["NULL"] : ["NOT NULL"]),
    ...(isGenerated ? ["generated"] : []),
    ...(isAutoIncrement ? ["AUTO_INCREMENT"] : []),
  ].join(" ");
}

function uniqueOf({ keys }: TableInfo): readonly string[] {
  return keys.filter(({ isUnique }) => isUnique).map(sayKey);
}

function sayKey({ name, columns }: KeyInfo): string {
  return `${name === "PRIMARY" ? "PRIMARY KEY" : "UNIQUE KEY"} (${columns.join(", ")})`;
}
