/** A function of a module that has been called and is waited for. */
export interface ModuleUnderWay {
  /** `default of /path/to/module.js`. */
  readonly name: string;
  readonly run: string;
  readonly step: string;
}

const UNDER_WAY = new Set<ModuleUnderWay>();

/** Those of this process: where it ends by `process.exit`, one of them may have called that. */
export function modulesUnderWay(): readonly ModuleUnderWay[] {
  return [...UNDER_WAY];
}

/** Calls it, and knows of it meanwhile. */
export async function knownUnderWay<T>(module: ModuleUnderWay, call: () => Promise<T>): Promise<T> {
  UNDER_WAY.add(module);
  try {
    return await call();
  } finally {
    UNDER_WAY.delete(module);
  }
}
