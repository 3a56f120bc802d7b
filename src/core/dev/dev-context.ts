import { existsSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Document } from "yaml";
import { readConfigFile } from "../config/config-file.ts";
import { homeDirectory } from "../config/paths.ts";
import { SCHEMES, type UrlKey } from "../config/url.ts";
import { DcsError } from "../errors.ts";
import { makeDirectory } from "../util/make-directory.ts";

/** The context that `dcs up` writes. */
export const DEV_CONTEXT = "dev";

export type ContextUrls = Readonly<Partial<Record<UrlKey, string>>>;

const KEYS = Object.keys(SCHEMES) as UrlKey[];

/**
 * Makes sure that context `dev` may be written: the file is sound (CONFIG_INVALID) and a `dev` in it has only URLs of
 * `ours` (CONTEXT_TAKEN), so that a context of the user's own is never overwritten.
 */
export async function checkDevContext(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  ours: ReadonlySet<string>,
): Promise<void> {
  const config = await readConfigFile(file, { env, home: homeDirectory(env) });
  const line = config?.contexts.get(DEV_CONTEXT);
  if (config === null || line === undefined) return;
  if (isOurs(urlsIn(await parse(file)), ours)) return;
  throw new DcsError(
    "CONTEXT_TAKEN",
    `${file}:${line}: context ${DEV_CONTEXT} is not one that dcs up wrote`,
    {
      details: { file, line, context: DEV_CONTEXT },
      hint: `rename or remove it: vi +${line} ${file}`,
    },
  );
}

/**
 * Sets the URLs of context `dev` to exactly these; everything else in the file stays, its comments too. False when nothing
 * had to be changed. PERMISSION_DENIED.
 */
export async function writeDevContext(file: string, urls: ContextUrls): Promise<boolean> {
  const document = await parse(file);
  const before = urlsIn(document);
  if (before !== null && KEYS.every((key) => before[key] === urls[key])) return false;
  if (before === null) {
    document.setIn(["contexts", DEV_CONTEXT], document.createNode({ ...urls }));
  } else {
    for (const key of KEYS) {
      const path = ["contexts", DEV_CONTEXT, key];
      if (urls[key] === undefined) document.deleteIn(path);
      else if (before[key] !== urls[key]) document.setIn(path, urls[key]);
    }
  }
  save(file, document);
  return true;
}

/** Takes context `dev` out when it is ours. False when it was not there, or is the user's own. */
export async function removeDevContext(file: string, ours: ReadonlySet<string>): Promise<boolean> {
  if (!existsSync(file)) return false;
  const document = await parse(file);
  const urls = urlsIn(document);
  if (urls === null || !isOurs(urls, ours)) return false;
  document.deleteIn(["contexts", DEV_CONTEXT]);
  if (document.get("context") === DEV_CONTEXT) document.delete("context");
  const rest: unknown = Object(document.get("contexts")).items;
  if (Array.isArray(rest) && rest.length === 0) document.delete("contexts");
  save(file, document);
  return true;
}

/** A `dev` without any URL is the user's: it means the embedded store. */
function isOurs(urls: ContextUrls | null, ours: ReadonlySet<string>): boolean {
  const values = Object.values(urls ?? {});
  return values.length > 0 && values.every((url) => ours.has(url));
}

/** The URLs of context `dev` as they are written; null when there is no such context. */
function urlsIn(document: Document): ContextUrls | null {
  if (!document.hasIn(["contexts", DEV_CONTEXT])) return null;
  const urls: Partial<Record<UrlKey, string>> = {};
  for (const key of KEYS) {
    const value = document.getIn(["contexts", DEV_CONTEXT, key]);
    if (typeof value === "string") urls[key] = value;
  }
  return urls;
}

async function parse(file: string): Promise<Document> {
  const { parseDocument } = await import("yaml");
  return parseDocument(existsSync(file) ? readFileSync(file, "utf8") : "");
}

/** In one step, in place of what a symbolic link leads to, and with the mode the file had. */
function save(file: string, document: Document): void {
  try {
    makeDirectory(dirname(file));
    const target = existsSync(file) ? realpathSync(file) : file;
    const mode = existsSync(target) ? statSync(target).mode & 0o777 : 0o600;
    const fresh = `${target}.${process.pid}`;
    const text = document.toString({ lineWidth: 0, indent: indentOf(target) });
    if (text.trim() === "{}") {
      rmSync(target, { force: true });
      return;
    }
    writeFileSync(fresh, text, { mode });
    renameSync(fresh, target);
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new DcsError("PERMISSION_DENIED", `${file}: cannot be written: ${why}`, {
      cause,
      details: { file },
      hint: "make the file and its directory writable, or set XDG_CONFIG_HOME to another directory",
    });
  }
}

/** The indentation the file has, so that the other lines stay as they are. */
function indentOf(file: string): number {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return /^( {1,8})\S/m.exec(text.replace(/^\s*#.*$/gm, ""))?.[1]?.length ?? 2;
}
