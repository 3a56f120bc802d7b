import { DcsError } from "../errors.ts";
import { type MysqlTarget, parseMysqlUrl } from "../mysql/mysql-url.ts";
import type { Shard } from "./keyspace.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A shard's URL with `${NAME}` replaced by what the environment has under that name, as it is: a password with special
 * characters stands there encoded. `$${` stands for `${` itself. URL_INVALID names a variable that is not set.
 */
export function shardUrl({ name, url }: Pick<Shard, "name" | "url">, env: Environment): string {
  return url.replace(/\$?\$\{([^}]*)\}/g, (whole, variable: string) => {
    if (whole.startsWith("$$")) return whole.slice(1);
    const value = env[variable];
    if (value !== undefined) return value;
    throw new DcsError("URL_INVALID", `shard ${name}: the environment variable ${variable} is not set`, {
      details: { shard: name, variable },
      hint: `set ${variable} where this runs: the URL of shard ${name} has it`,
    });
  });
}

/** Where a shard is and how to log in, with `${NAME}` filled in. URL_INVALID. */
export function shardTarget(shard: Pick<Shard, "name" | "url">, env: Environment): MysqlTarget {
  return parseMysqlUrl(shardUrl(shard, env));
}
