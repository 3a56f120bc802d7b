import { DcsError } from "../errors.ts";
import type { Clock } from "../util/clock.ts";
import { type ContextUrls, checkDevContext, DEV_CONTEXT, writeDevContext } from "./dev-context.ts";
import { withDevLock } from "./dev-lock.ts";
import { DevDirectory } from "./dev-state.ts";
import { devStatus, knownUrls, type ServerStatus } from "./dev-status.ts";
import type { EngineName } from "./engine.ts";
import { CONTEXT_KEY, ENGINES } from "./engines.ts";
import { findPrograms, thisMachine } from "./programs.ts";
import { startServers, type WantedServer } from "./start-servers.ts";

export interface DevUpRequest {
  readonly stateDir: string;
  /** The user's own configuration file, which gets context `dev`. */
  readonly configFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly engines: readonly EngineName[];
  /** How many MariaDB servers. */
  readonly shards: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What is being done, for people. */
  readonly onProgress: (message: string) => void;
}

export interface DevUpResult {
  readonly servers: readonly ServerStatus[];
  /** Names of those that were not running before. */
  readonly started: readonly string[];
  readonly context: { readonly name: string; readonly file: string; readonly urls: ContextUrls };
}

/** Of the caller's environment only what programs need: ETCD_* and its like would change the servers. */
const PASSED_ON = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "ETCD_UNSUPPORTED_ARCH"];

/**
 * Starts the servers that do not run, waits until they answer, and writes context `dev`. Doing it again changes nothing.
 * ENGINE_MISSING and CONTEXT_TAKEN before anything is started; ENGINE_FAILED.
 */
export async function devUp(request: DevUpRequest): Promise<DevUpResult> {
  const { configFile, env, clock, signal, onProgress } = request;
  const directory = new DevDirectory(request.stateDir);
  const wanted = wantedServers(request);
  const engines = [...new Set(wanted.map(({ engine }) => engine))].map((name) => ENGINES[name]);
  const programs = findPrograms(engines, thisMachine(env["PATH"] ?? ""));
  await checkDevContext(configFile, env, knownUrls(directory));
  const onWait = (pid: number | null) =>
    onProgress(`waiting for another dcs up or down (pid ${pid ?? "unknown"})`);
  return withDevLock(directory, { clock, signal, onWait }, async () => {
    onProgress(`starting ${wanted.map(({ name }) => name).join(", ")}`);
    const passedOn = PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
    const started = await startServers(wanted, {
      directory,
      programs,
      env: Object.fromEntries(passedOn),
      clock,
      signal,
    });
    const servers = await devStatus(directory);
    const urls = contextUrls(servers);
    // The other writer may have been another dcs up, or an editor.
    await checkDevContext(configFile, env, knownUrls(directory));
    await writeDevContext(configFile, urls);
    directory.write({ ...directory.read(), context: { file: configFile, urls } });
    return { servers, started, context: { name: DEV_CONTEXT, file: configFile, urls } };
  });
}

function wantedServers({ engines, shards }: DevUpRequest): readonly WantedServer[] {
  const wanted = engines.flatMap((engine): readonly WantedServer[] =>
    engine === "mariadb"
      ? Array.from({ length: shards }, (_, i) => ({ name: `mariadb-${i + 1}`, engine }))
      : [{ name: engine, engine }],
  );
  if (wanted.length > 0) return wanted;
  throw new DcsError("USAGE", "there is nothing to start", {
    hint: "give --only etcd,redis, or --shards 1",
  });
}

/** What runs, the first server of each kind. */
function contextUrls(servers: readonly ServerStatus[]): ContextUrls {
  const urls: Record<string, string> = {};
  for (const { engine, state, url } of servers) {
    if (state === "running") urls[CONTEXT_KEY[engine]] ??= url;
  }
  return urls;
}
