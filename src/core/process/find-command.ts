import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { DcsError } from "../errors.ts";

export interface FindCommandOptions {
  /** The caller's PATH; `process.env.PATH` by default, and what POSIX systems start with when there is none. */
  readonly path?: string | undefined;
  /** What relative names and relative or empty PATH entries start from; the working directory by default. */
  readonly cwd?: string | undefined;
}

const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

type Finding = "ok" | "absent" | "directory" | "not executable" | "not readable";

/**
 * The absolute path of the program that a shell would run for `name`.
 * Throws COMMAND_NOT_FOUND (127), or COMMAND_NOT_EXECUTABLE (126) when all there is cannot be executed.
 */
export function findCommand(name: string, options: FindCommandOptions = {}): string {
  const cwd = options.cwd ?? process.cwd();
  if (name === "" || name.includes("\0")) {
    throw new DcsError("COMMAND_NOT_FOUND", "the command after -- is empty", { details: { command: name } });
  }
  if (name.includes("/")) {
    const path = isAbsolute(name) ? name : resolve(cwd, name);
    const finding = look(path);
    if (finding === "ok") return path;
    throw finding === "absent" ? notFound(name) : notExecutable(name, path, finding);
  }
  let seen: { path: string; finding: Finding } | undefined;
  for (const entry of (options.path ?? process.env["PATH"] ?? DEFAULT_PATH).split(":")) {
    const path = join(resolve(cwd, entry === "" ? "." : entry), name);
    const finding = look(path);
    if (finding === "ok") return path;
    // A directory of that name on PATH is passed over, as shells do.
    if (finding === "not executable" || finding === "not readable") seen ??= { path, finding };
  }
  throw seen ? notExecutable(name, seen.path, seen.finding) : notFound(name);
}

function look(path: string): Finding {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return "directory";
    if (!stat.isFile()) return "not executable";
  } catch (error) {
    const denied = error instanceof Error && "code" in error && error.code === "EACCES";
    return denied ? "not readable" : "absent";
  }
  try {
    accessSync(path, constants.X_OK);
    return "ok";
  } catch {
    return "not executable";
  }
}

function notFound(name: string): DcsError {
  const where = name.includes("/") ? "" : " on PATH";
  return new DcsError("COMMAND_NOT_FOUND", `${JSON.stringify(name)} was not found${where}`, {
    details: { command: name },
  });
}

function notExecutable(name: string, path: string, finding: Finding): DcsError {
  const why = { directory: "it is a directory", "not readable": "permission denied on the way to it" };
  const reason =
    finding === "directory" || finding === "not readable" ? why[finding] : "it is not executable";
  return new DcsError("COMMAND_NOT_EXECUTABLE", `${path} cannot be executed: ${reason}`, {
    details: { command: name, path },
    ...(finding === "directory" ? { hint: "name the program inside it" } : {}),
  });
}
