import { homedir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { DcsError } from "../errors.ts";
import type { Setting } from "./settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The user's home: HOME, else what the system's user database says; null when neither knows. */
export function homeDirectory(env: Environment): string | null {
  const home = env["HOME"];
  if (home !== undefined && isAbsolute(home)) return home;
  try {
    const known = home === undefined ? homedir() : userInfo().homedir;
    return isAbsolute(known) ? known : null;
  } catch {
    return null;
  }
}

/** `$XDG_CONFIG_HOME/dcs/config.yaml`; null without a home. Relative XDG paths are ignored, as the specification says. */
export function userConfigFile(env: Environment): string | null {
  const base = xdg(env, "XDG_CONFIG_HOME", ".config");
  return base === null ? null : join(base, "dcs", "config.yaml");
}

/** Where dcs keeps its own files: DCS_STATE_DIR, else `$XDG_STATE_HOME/dcs`. CONFIG_INVALID when there is no place. */
export function stateDirectory(env: Environment, cwd: string): Setting<string> {
  const given = env["DCS_STATE_DIR"];
  if (given) {
    return {
      value: isAbsolute(given) ? given : join(cwd, given),
      origin: { kind: "env", variable: "DCS_STATE_DIR" },
    };
  }
  const base = xdg(env, "XDG_STATE_HOME", ".local/state");
  if (base === null) {
    throw new DcsError("CONFIG_INVALID", "there is no home directory to keep state in: HOME is not set", {
      hint: "set DCS_STATE_DIR to a directory that dcs may write",
      details: { variable: "DCS_STATE_DIR" },
    });
  }
  const variable = isAbsolute(env["XDG_STATE_HOME"] ?? "") ? "XDG_STATE_HOME" : null;
  return {
    value: join(base, "dcs"),
    origin: variable === null ? { kind: "default" } : { kind: "env", variable },
  };
}

function xdg(env: Environment, variable: string, fallback: string): string | null {
  const given = env[variable];
  if (given !== undefined && isAbsolute(given)) return given;
  const home = homeDirectory(env);
  return home === null ? null : join(home, fallback);
}
