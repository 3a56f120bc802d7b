import { fill, listOf } from "../../mysql/sql-text.ts";
import type { ShardTable } from "../keyspace.ts";
import { BUCKET_COLUMN } from "../names.ts";
import { keyKindOf } from "./bucket-sql.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { columnFindings, keyFindings, primaryKeyOf } from "./preflight-keys.ts";
import { foreignKeyFindings, foreignKeysOf, triggerFindings } from "./preflight-links.ts";
import { readFound } from "./schema-state.ts";
import type { SchemaSession } from "./server-info.ts";
import { SQL } from "./statements.generated.ts";
import { readTables, type TableInfo } from "./table-info.ts";

export interface TablesWanted {
  readonly tables: readonly Pick<ShardTable, "name" | "key">[];
  /** Keys, as `table.key`, of which the operator says that their values are unique over all shards. */
  readonly unique?: readonly string[];
  /** True for tables that are sharded already: what was decided by the operator is not asked again. */
  readonly isSettled?: boolean;
}

export interface TablesLook {
  /** Of the tables that are there. */
  readonly tables: readonly ShardTable[];
  readonly infos: ReadonlyMap<string, TableInfo>;
  readonly findings: readonly Finding[];
}

/** Looks whether tables of one server can be sharded, and changes nothing. Rejects with a MysqlError. */
export async function preflightTables(session: SchemaSession, wanted: TablesWanted): Promise<TablesLook> {
  const names = wanted.tables.map(({ name }) => name);
  const values = { names: listOf(names) };
  const infos = await readTables(session, names);
  const found = await readFound(session, names);
  const [facts = [], links = []] = await session.send([
    fill(SQL["table-facts"], values),
    fill(SQL["foreign-keys"], values),
  ]);
  const unique = new Set(wanted.unique);
  const findings = wanted.tables.flatMap((table): readonly Finding[] => {
    const { name } = table;
    const info = infos.get(name);
    const { found: own, refuse } = findingsOf(name);
    if (info === undefined) {
      refuse("table-missing", "there is no such table", "check its name, letter by letter");
      return own;
    }
    const fact = facts.find((row) => row["name"] === name);
    const kind = String(fact?.["kind"] ?? "");
    if (kind !== "BASE TABLE") {
      refuse(
        "table-kind",
        kind === "VIEW" ? "it is a view" : `its kind is ${kind}`,
        "only ordinary tables can be sharded",
      );
      return own;
    }
    if (info.engine.toLowerCase() !== "innodb") {
      refuse(
        "table-engine",
        `its engine is ${info.engine}, which knows no transactions`,
        `ALTER TABLE ${name} ENGINE = InnoDB`,
      );
    }
    const prefixes = fact?.["prefixes"] ?? null;
    if (prefixes !== null) {
      refuse(
        "primary-prefix",
        `its primary key has only the beginning of ${prefixes}`,
        "take the whole column into it",
      );
    }
    const there = found.get(name);
    if (there?.expression === "") {
      refuse(
        "bucket-column",
        `it has a column ${BUCKET_COLUMN} of its own, a name that dcs needs`,
        "rename it",
        BUCKET_COLUMN,
      );
    }
    const key = info.columns.find((column) => column.name === table.key);
    if (key === undefined) {
      const columns = info.columns.map((column) => column.name).join(", ");
      refuse("key-missing", `it has no column ${table.key}`, `it has ${columns}`, table.key);
    }
    return [
      ...own,
      ...(key === undefined ? [] : keyFindings(name, key)),
      ...columnFindings(table, info, wanted.isSettled === true ? null : unique),
      ...triggerFindings(name, there?.triggers ?? []),
    ];
  });
  return {
    tables: wanted.tables.flatMap(({ name, key }) => {
      const info = infos.get(name);
      return info === undefined ? [] : [{ name, key, primaryKey: primaryKeyOf(info) }];
    }),
    infos,
    findings: [
      ...findings,
      ...foreignKeyFindings(wanted.tables, foreignKeysOf(links)),
      ...unlikeKeys(wanted.tables, infos),
      ...unknownKeys(unique, infos),
    ].filter(({ severity }) => severity === "refused" || wanted.isSettled !== true),
  };
}

/** The same tenant must be in the same bucket in every table. */
function unlikeKeys(
  tables: TablesWanted["tables"],
  infos: ReadonlyMap<string, TableInfo>,
): readonly Finding[] {
  const kinds = tables.flatMap(({ name, key }) => {
    const column = infos.get(name)?.columns.find((each) => each.name === key);
    const kind = column === undefined ? null : keyKindOf(column);
    return kind === null ? [] : [{ name, key, kind }];
  });
  const [first] = kinds;
  return kinds.flatMap(({ name, key, kind }) => {
    if (first === undefined || kind === first.kind) return [];
    const { found, warn } = findingsOf(name);
    warn(
      "key-kinds",
      `the shard key is ${kind}, and ${first.name}.${first.key} is ${first.kind}`,
      "the same key must be written the same way in both, or its rows are in different buckets",
      key,
    );
    return found;
  });
}

function unknownKeys(unique: ReadonlySet<string>, infos: ReadonlyMap<string, TableInfo>): readonly Finding[] {
  const known = new Set(
    [...infos.values()].flatMap(({ name, keys }) =>
      keys.filter(({ isUnique }) => isUnique).map((key) => `${name}.${key.name}`),
    ),
  );
  return [...unique].flatMap((name) => {
    if (known.has(name)) return [];
    const { found, refuse } = findingsOf(null);
    refuse(
      "unique-unknown",
      `--unique ${name}: there is no such unique key`,
      `there are ${[...known].join(", ")}`,
    );
    return found;
  });
}
