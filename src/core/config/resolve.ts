import { dirname } from "node:path";
import { DcsError } from "../errors.ts";
import { parseDuration } from "../util/duration.ts";
import { readConfigFile } from "./config-file.ts";
import {
  type ConfigFiles,
  type ContextValues,
  type DefinedContext,
  definedContexts,
  findContext,
  loadConfigFiles,
} from "./contexts.ts";
import { homeDirectory, stateDirectory } from "./paths.ts";
import { readSelection, selectionFile } from "./selection.ts";
import type { ChosenContext, Origin, Setting, Settings } from "./settings.ts";
import { checkUrl, SCHEMES, type UrlKey } from "./url.ts";

export interface ResolveRequest {
  readonly flags: {
    readonly context?: string | undefined;
    readonly store?: string | undefined;
    readonly locks?: string | undefined;
    readonly journal?: string | undefined;
    /** Milliseconds. */
    readonly timeout?: number | undefined;
  };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT: Origin = { kind: "default" };

/**
 * The configuration of one run: flag, then DCS_*, then context, then default. A URL given by flag or DCS_* starts from
 * an empty context, so that parts of two systems are never mixed.
 */
export async function resolveSettings(request: ResolveRequest): Promise<Settings> {
  const stateDir = stateDirectory(request.env, request.cwd);
  const given = givenUrls(request);
  const warnings: string[] = [];
  const chosen =
    given.size > 0 ? refuseBoth(request, given) : await chooseContext(request, stateDir.value, warnings);
  const values = chosen?.values ?? null;
  const url = (key: UrlKey, otherwise: Setting<string>): Setting<string> =>
    given.get(key) ?? (chosen && values?.urls[key] ? located(chosen, values.urls[key]) : otherwise);
  const store = url("store", { value: "embedded:", origin: DEFAULT });
  const guarded = chosen && values?.protected ? located(chosen, values.protected) : null;
  return {
    context: chosen === null ? null : { ...chosen.context, protected: guarded?.value ?? false },
    store,
    locks: url("locks", store),
    journal: url("journal", { value: "embedded:", origin: DEFAULT }),
    protected: guarded ?? { value: false, origin: DEFAULT },
    timeoutMs: timeout(request, chosen),
    stateDir,
    warnings,
  };
}

interface Chosen {
  readonly context: Omit<ChosenContext, "protected">;
  readonly values: ContextValues;
}

function located<T>(chosen: Chosen, at: { readonly value: T; readonly line: number }): Setting<T> {
  const { name, file } = chosen.context;
  return { value: at.value, origin: { kind: "context", context: name, file, line: at.line } };
}

function givenUrls({ flags, env, cwd }: ResolveRequest): Map<UrlKey, Setting<string>> {
  const given = new Map<UrlKey, Setting<string>>();
  const home = homeDirectory(env);
  for (const key of Object.keys(SCHEMES) as UrlKey[]) {
    const variable = `DCS_${key.toUpperCase()}`;
    const flag = flags[key];
    const text = flag ?? env[variable];
    if (flag === undefined && !text) continue;
    const origin: Origin = flag === undefined ? { kind: "env", variable } : { kind: "flag", flag: key };
    const what = flag === undefined ? variable : `--${key}`;
    given.set(key, {
      value: checkUrl(key, text ?? "", { what, code: "URL_INVALID", base: cwd, home }),
      origin,
    });
  }
  return given;
}

/** A URL beside --context is a contradiction; beside DCS_CONTEXT or a selection the URL wins whole. */
function refuseBoth({ flags }: ResolveRequest, given: ReadonlyMap<UrlKey, Setting<string>>): null {
  if (flags.context === undefined) return null;
  const [first] = given.values();
  const name = originFlag(first?.origin);
  throw new DcsError(
    "USAGE",
    `--context ${flags.context} and ${name} cannot go together: a URL never mixes with a context`,
    {
      hint: first?.origin.kind === "env" ? `unset ${name}, or leave --context out` : "leave one of them out",
      details: { flag: "--context", conflicts: name },
    },
  );
}

function originFlag(origin: Origin | undefined): string {
  if (origin?.kind === "env") return origin.variable;
  return origin?.kind === "flag" ? `--${origin.flag}` : "--store";
}

async function chooseContext(
  request: ResolveRequest,
  stateDir: string,
  warnings: string[],
): Promise<Chosen | null> {
  const { flags, env, cwd } = request;
  const files = await loadConfigFiles(env, cwd);
  if (flags.context !== undefined) {
    return chosenBy(named(files, flags.context, "--context", warnings), { kind: "flag", flag: "context" });
  }
  const variable = env["DCS_CONTEXT"];
  if (variable) {
    return chosenBy(named(files, variable, "DCS_CONTEXT", warnings), {
      kind: "env",
      variable: "DCS_CONTEXT",
    });
  }
  return (await selectedContext(request, stateDir)) ?? preferredContext(files);
}

function named(files: ConfigFiles, name: string, what: string, warnings: string[]): DefinedContext {
  const found = findContext(files, name, what);
  const hidden = definedContexts(files).filter((context) => context.name === name)[1];
  if (hidden) {
    warnings.push(
      `context ${name} is defined in ${found.file.path} and in ${hidden.file.path}; the first is used`,
    );
  }
  return found;
}

function chosenBy({ name, file, line }: DefinedContext, chosen: Origin): Chosen {
  return { context: { name, file: file.path, line, chosenBy: chosen }, values: file.values(name) };
}

/** What `config use` selected, from the very file it was selected from. */
async function selectedContext({ env }: ResolveRequest, stateDir: string): Promise<Chosen | null> {
  const selection = readSelection(stateDir);
  if (selection === null) return null;
  const file = await readConfigFile(selection.file, { env, home: homeDirectory(env) });
  const line = file?.contexts.get(selection.context);
  if (file === null || line === undefined) {
    throw new DcsError(
      "CONTEXT_UNKNOWN",
      `the selected context ${selection.context} is no longer in ${selection.file}`,
      {
        hint: "run `dcs config use NAME`, or `dcs config use --none`",
        details: { context: selection.context, file: selection.file },
      },
    );
  }
  return chosenBy({ name: selection.context, file, line }, { kind: "state", file: selectionFile(stateDir) });
}

/** The `context:` key of a file. A project file may choose only what is local: cloning must not reach a server. */
function preferredContext(files: ConfigFiles): Chosen | null {
  for (const file of [files.project, files.user]) {
    if (!file?.preferred) continue;
    const { value: name, line } = file.preferred;
    const context = findContext(
      file === files.user ? { project: null, user: file } : files,
      name,
      `${file.path}:${line}`,
    );
    const chosen = chosenBy(context, { kind: "file", file: file.path, line });
    if (file === files.project && !chosen.values.local) {
      throw new DcsError(
        "CONFIG_INVALID",
        `${file.path}:${line}: context ${name} is not local, so a dcs.yaml cannot select it`,
        {
          hint: `select it yourself: --context ${name}, DCS_CONTEXT=${name}, or \`dcs config use ${name}\``,
          details: { file: file.path, line, key: "context", context: name, directory: dirname(file.path) },
        },
      );
    }
    return chosen;
  }
  return null;
}

function timeout({ flags, env }: ResolveRequest, chosen: Chosen | null): Setting<number> {
  if (flags.timeout !== undefined)
    return positive(flags.timeout, "--timeout", { kind: "flag", flag: "timeout" });
  const variable = env["DCS_TIMEOUT"];
  if (variable) {
    return positive(parseDuration(variable, "DCS_TIMEOUT"), "DCS_TIMEOUT", {
      kind: "env",
      variable: "DCS_TIMEOUT",
    });
  }
  if (chosen?.values.timeoutMs) {
    const setting = located(chosen, chosen.values.timeoutMs);
    return positive(setting.value, "timeout", setting.origin);
  }
  return { value: DEFAULT_TIMEOUT_MS, origin: DEFAULT };
}

function positive(value: number, what: string, origin: Origin): Setting<number> {
  if (value > 0) return { value, origin };
  throw new DcsError("USAGE", `${what}: must be longer than 0`, { hint: "give a duration such as 10s" });
}
