import { DcsError } from "../errors.ts";
import { type ConfigFile, readConfigFile } from "./config-file.ts";
import { loadConfigFiles } from "./contexts.ts";
import { homeDirectory } from "./paths.ts";

/** A file that was found good. */
export interface ValidatedFile {
  readonly file: string;
  readonly contexts: readonly string[];
}

/** Checks one file, or with null every file in reach: schema, variables, URLs. CONFIG_INVALID names the first fault. */
export async function validateConfig(
  path: string | null,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<ValidatedFile[]> {
  const files = path === null ? await inReach(env, cwd) : [await onePath(path, env)];
  return files.map((file) => {
    for (const name of file.contexts.keys()) file.values(name);
    const { preferred } = file;
    if (preferred && !file.contexts.has(preferred.value)) {
      throw new DcsError(
        "CONFIG_INVALID",
        `${file.path}:${preferred.line}: context: "${preferred.value}" is not defined in this file`,
        {
          details: {
            file: file.path,
            line: preferred.line,
            key: "context",
            known: [...file.contexts.keys()],
          },
        },
      );
    }
    return { file: file.path, contexts: [...file.contexts.keys()] };
  });
}

async function inReach(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<ConfigFile[]> {
  const { project, user } = await loadConfigFiles(env, cwd);
  return [project, user].filter((file) => file !== null);
}

async function onePath(path: string, env: Readonly<Record<string, string | undefined>>): Promise<ConfigFile> {
  const file = await readConfigFile(path, { env, home: homeDirectory(env) });
  if (file) return file;
  throw new DcsError("FILE_INVALID", `${path}: there is no such file`, { details: { file: path } });
}
