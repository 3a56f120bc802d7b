/** The kinds of server that `dcs up` starts. */
export const ENGINE_NAMES = ["etcd", "redis", "mariadb"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** One server as it is to be run. */
export interface ServerPlan {
  /** `etcd`, `redis`, `mariadb-1`, … */
  readonly name: string;
  /** Its own data directory. */
  readonly data: string;
  readonly log: string;
  /** Ports of loopback, as many as the engine wants; clients use the first. */
  readonly ports: readonly number[];
  /** Absolute paths of the engine's programs. */
  readonly programs: Readonly<Record<string, string>>;
  /** True when dcs runs as root, which some servers must be told. */
  readonly asRoot: boolean;
}

/** A kind of server: what it needs, how it is started, how it is asked whether it is there. */
export interface Engine {
  readonly name: EngineName;
  /** Programs it needs, each with the names it goes by. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  readonly ports: number;
  /** Makes the data directory ready; done again when it was interrupted. */
  prepare(plan: ServerPlan, env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>;
  command(plan: ServerPlan): { readonly program: string; readonly args: readonly string[] };
  /** The version, once the server answers; rejects while it does not. */
  ask(port: number, timeoutMs: number): Promise<string>;
  /** What a context says to reach it. */
  url(port: number): string;
}
