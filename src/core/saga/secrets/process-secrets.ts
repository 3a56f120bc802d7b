import { Sealer } from "./sealer.ts";

const PREFIX = "DCS_SECRET_";

/** What the executing process knows and the journal must not. */
export interface ProcessSecrets {
  /** Null without DCS_SAGA_KEY. */
  readonly sealer: Sealer | null;
  /** What `secrets.NAME` reads: the variables `DCS_SECRET_NAME`. */
  readonly values: Readonly<Record<string, string>>;
}

/** CONFIG_INVALID for a DCS_SAGA_KEY that is none. */
export function processSecrets(env: Readonly<NodeJS.ProcessEnv>): ProcessSecrets {
  const values = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    name.startsWith(PREFIX) && value !== undefined ? [[name.slice(PREFIX.length), value]] : [],
  );
  return { sealer: Sealer.fromEnvironment(env), values: Object.fromEntries(values) };
}
