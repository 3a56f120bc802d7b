/**
 * Something about a server or a table that speaks against spreading it over shards. `refused` ones must be mended first; of
 * `warning` ones the operator is told.
 */
export interface Finding {
  /** What it is, for programs: `key-nullable`. */
  readonly kind: string;
  readonly severity: "refused" | "warning";
  readonly table: string | null;
  readonly column: string | null;
  /** What is wrong and what would come of it. */
  readonly problem: string;
  /** What to do. */
  readonly hint: string;
}

/** Makes findings about one table, or about the server where that is null. */
export function findingsOf(table: string | null) {
  const found: Finding[] = [];
  const add =
    (severity: Finding["severity"]) =>
    (kind: string, problem: string, hint: string, column: string | null = null) => {
      found.push({ kind, severity, table, column, problem, hint });
    };
  return { found, refuse: add("refused"), warn: add("warning") };
}

/** One line for people. */
export function sayFinding({ table, column, problem, hint }: Finding): string {
  const where = table === null ? "" : `${table}${column === null ? "" : `.${column}`}: `;
  return `${where}${problem}; ${hint}`;
}
