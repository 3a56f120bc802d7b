import { isDcsError } from "../errors.ts";
import { definedContexts, loadConfigFiles } from "./contexts.ts";
import { stateDirectory } from "./paths.ts";
import { readSelection } from "./selection.ts";

/** One context as `dcs config contexts` lists it. */
export interface ListedContext {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** True when `dcs config use` selected it. */
  readonly selected: boolean;
  /** True when nothing in it is on another machine; null when it cannot be used here. */
  readonly local: boolean | null;
  /** May hold secrets; null where the default is used or it cannot be used here. */
  readonly store: string | null;
  /** Null when it cannot be used here. */
  readonly protected: boolean | null;
  /** Why it cannot be used here, such as a variable that is not set; null when it can. */
  readonly error: string | null;
}

/** All contexts in reach, the nearest file first. One that cannot be used is listed with the reason. */
export async function listContexts(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<ListedContext[]> {
  const selection = readSelection(stateDirectory(env, cwd).value);
  const contexts = definedContexts(await loadConfigFiles(env, cwd));
  return contexts.map(({ name, file, line }) => {
    const selected = selection?.context === name && selection.file === file.path;
    const common = { name, file: file.path, line, selected };
    try {
      const { urls, local, protected: guarded } = file.values(name);
      return {
        ...common,
        local,
        store: urls.store?.value ?? null,
        protected: guarded?.value ?? false,
        error: null,
      };
    } catch (error) {
      if (!isDcsError(error)) throw error;
      return { ...common, local: null, store: null, protected: null, error: error.message };
    }
  });
}
