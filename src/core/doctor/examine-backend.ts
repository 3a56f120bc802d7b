import { DcsError, toDcsError } from "../errors.ts";
import { redact } from "../util/redact.ts";
import type { Examination, Examiner, Finding } from "./check.ts";

const EXAMINERS: Readonly<Record<string, () => Promise<Examiner>>> = {
  "embedded journal": async () => (await import("./embedded/examine-journal.ts")).examineEmbeddedJournal,
  embedded: async () => (await import("./embedded/examine-embedded.ts")).examineEmbedded,
  etcd: async () => (await import("./etcd/examine-etcd.ts")).examineEtcd,
  etcds: async () => (await import("./etcd/examine-etcd.ts")).examineEtcd,
  redis: async () => (await import("./redis/examine-redis.ts")).examineRedis,
  rediss: async () => (await import("./redis/examine-redis.ts")).examineRedis,
  "redis+sentinel": async () => (await import("./redis/examine-redis.ts")).examineRedis,
  "rediss+sentinel": async () => (await import("./redis/examine-redis.ts")).examineRedis,
  "redis+cluster": async () => (await import("./redis/examine-redis.ts")).examineRedis,
  "rediss+cluster": async () => (await import("./redis/examine-redis.ts")).examineRedis,
  mysql: async () => (await import("./mysql/examine-mysql.ts")).examineMysql,
};

const KINDS: Readonly<Record<string, string>> = {
  etcds: "etcd",
  rediss: "redis",
  "redis+sentinel": "redis",
  "rediss+sentinel": "redis",
  "redis+cluster": "redis",
  "rediss+cluster": "redis",
};

/** `embedded`, `etcd`, `redis`, `mysql`, or the scheme of a URL that this version cannot open. */
export function backendOf(url: string): string {
  const scheme = schemeOf(url);
  return KINDS[scheme] ?? scheme;
}

/**
 * Looks at one backend and changes nothing in it. One that cannot be opened is a failed check, `reachable`, that carries
 * the error's code under `data.error`.
 */
export async function examineBackend(examination: Examination): Promise<readonly Finding[]> {
  try {
    const scheme = schemeOf(examination.url);
    const isJournal = scheme === "embedded" && examination.keepsJournal === true;
    const load = EXAMINERS[isJournal ? "embedded journal" : scheme];
    if (load === undefined) {
      throw new DcsError("URL_INVALID", `this version cannot open ${scheme}: URLs`, {
        hint: "dcs config show --origin",
      });
    }
    return await (await load())(examination);
  } catch (thrown) {
    const error = toDcsError(thrown);
    return [
      {
        check: "reachable",
        status: "fail",
        detail: redact(error.message),
        fix: redact(error.hint),
        data: { error: error.code },
      },
    ];
  }
}

function schemeOf(url: string): string {
  return url.slice(0, url.indexOf(":"));
}
