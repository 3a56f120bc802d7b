import { stateDirectory, userConfigFile } from "../../core/config/paths.ts";
import type { Settings } from "../../core/config/settings.ts";
import { ENGINE_NAMES, type EngineName } from "../../core/dev/engine.ts";
import { DcsError } from "../../core/errors.ts";
import { workingDirectory } from "../working-directory.ts";

/** The state directory, without looking at contexts: a broken one must not be in the way of `dcs down`. */
export function devStateDir(): string {
  return stateDirectory(process.env, workingDirectory()).value;
}

/** The user's own configuration file; CONFIG_INVALID when there is no home. */
export function devConfigFile(): string {
  const file = userConfigFile(process.env);
  if (file !== null) return file;
  throw new DcsError(
    "CONFIG_INVALID",
    "there is no home directory to write context dev in: HOME is not set",
    {
      hint: "set XDG_CONFIG_HOME to a directory that dcs may write",
      details: { variable: "XDG_CONFIG_HOME" },
    },
  );
}

/** Reads `--only etcd,redis`; all without it. */
export function parseEngines(only: string | undefined): readonly EngineName[] {
  if (only === undefined) return ENGINE_NAMES;
  const names = only.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !ENGINE_NAMES.some((known) => known === name));
  if (unknown === undefined) return ENGINE_NAMES.filter((known) => names.includes(known));
  throw new DcsError("USAGE", `--only: "${unknown}" is not one of ${ENGINE_NAMES.join(", ")}`, {
    hint: "give --only etcd,redis",
    details: { flag: "--only", value: unknown, allowed: ENGINE_NAMES },
  });
}

/** Settings under which a confirmation asks without regard to the context in use: local servers are in none. */
export function localSettings(stateDir: string): Settings {
  const local = <T>(value: T) => ({ value, origin: { kind: "default" } as const });
  return {
    context: null,
    store: local("embedded:"),
    locks: local("embedded:"),
    journal: local("embedded:"),
    protected: local(false),
    timeoutMs: local(10_000),
    stateDir: local(stateDir),
    warnings: [],
  };
}
