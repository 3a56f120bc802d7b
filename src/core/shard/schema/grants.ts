/** What a user may do, as SHOW GRANTS says it. */
export interface Grants {
  /** True when roles may give more than is written here. */
  readonly hasRoles: boolean;
  /** Whether the user has a privilege on a database as a whole; null: on the whole server. */
  readonly has: (privilege: string, database: string | null) => boolean;
}

/** Reads the lines of SHOW GRANTS. Privileges on single tables or columns count for nothing. */
export function readGrants(lines: readonly string[]): Grants {
  const rights = lines.flatMap((line) => {
    const [, words = "", where = ""] =
      /^GRANT (.+?) ON (?:TABLE )?(`(?:[^`]|``)+`|\S+)\.\* TO /i.exec(line) ?? [];
    if (where === "") return [];
    const privileges = words.split(",").map((word) => word.trim().toUpperCase());
    return [{ privileges, isGlobal: where === "*", where: patternOf(where.replace(/^[`"']|[`"']$/g, "")) }];
  });
  return {
    hasRoles: lines.some((line) => !/^GRANT .+ ON /i.test(line)),
    has: (privilege, database) =>
      rights.some(
        ({ privileges, isGlobal, where }) =>
          (isGlobal || (database !== null && where.test(database))) &&
          (privileges.includes(privilege) || privileges.some((each) => /^ALL(?: PRIVILEGES)?$/.test(each))),
      ),
  };
}

/** In a grant `%` and `_` stand for any characters, unless escaped. */
function patternOf(where: string): RegExp {
  const parts = where.match(/\\[%_\\]|[^\\]|\\/gs) ?? [];
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const source = parts.map((part) => {
    if (part === "%") return ".*";
    if (part === "_") return ".";
    return literal(part.length === 2 ? part.slice(1) : part);
  });
  return new RegExp(`^${source.join("")}$`, "s");
}
