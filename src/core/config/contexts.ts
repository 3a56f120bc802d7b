import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { DcsError } from "../errors.ts";
import { type ConfigFile, type ContextValues, readConfigFile } from "./config-file.ts";
import { homeDirectory, userConfigFile } from "./paths.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A context as it stands in a file. */
export interface DefinedContext {
  readonly name: string;
  readonly file: ConfigFile;
  readonly line: number;
}

/** The configuration files in reach, the nearest first. */
export interface ConfigFiles {
  /** The nearest dcs.yaml upward; null when there is none. */
  readonly project: ConfigFile | null;
  /** The user's own config.yaml; null when there is none. */
  readonly user: ConfigFile | null;
}

/** Reads the configuration files in reach of a directory. */
export async function loadConfigFiles(env: Environment, cwd: string): Promise<ConfigFiles> {
  const options = { env, home: homeDirectory(env) };
  const projectPath = nearestProjectFile(cwd);
  const userPath = userConfigFile(env);
  return {
    project: projectPath === null ? null : await readConfigFile(projectPath, options),
    // Not looked for first: one that may not be read must not count as absent, and another store be used for it.
    user: userPath === null ? null : await readConfigFile(userPath, options),
  };
}

/** The nearest dcs.yaml in the directory or above it. */
export function nearestProjectFile(cwd: string): string | null {
  for (let directory = cwd; ; directory = dirname(directory)) {
    const path = join(directory, "dcs.yaml");
    if (existsSync(path)) return path;
    if (directory === dirname(directory)) return null;
  }
}

/** All contexts in reach; of two with one name the nearer comes first. */
export function definedContexts(files: ConfigFiles): DefinedContext[] {
  return [files.project, files.user].flatMap((file) =>
    file === null ? [] : [...file.contexts].map(([name, line]) => ({ name, file, line })),
  );
}

/** The context of that name; CONTEXT_UNKNOWN names those there are. */
export function findContext(files: ConfigFiles, name: string, what: string): DefinedContext {
  const all = definedContexts(files);
  const found = all.find((context) => context.name === name);
  if (found) return found;
  const names = [...new Set(all.map((context) => context.name))].sort();
  throw new DcsError("CONTEXT_UNKNOWN", `${what}: there is no context "${name}"`, {
    details: { context: name, known: names },
    hint:
      names.length === 0 ? "define it in dcs.yaml under contexts:" : `known contexts: ${names.join(", ")}`,
  });
}

export type { ConfigFile, ContextValues };
