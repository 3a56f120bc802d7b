import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

/** A real redis-server of the test's own: free port, own data directory, nothing saved. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const PATIENCE_MS = 30_000;
const TRIES = 5;

/**
 * Starts one; `args` are options of redis-server. Resolves when it answers, and has read its data where it `isLoaded`. Where
 * somebody took the port meanwhile, or the one 10,000 above it that a server of a Cluster needs too: again, on another port
 * unless one was asked for.
 */
export async function startRedis(
  args: readonly string[] = [],
  port?: number,
  { isLoaded = true } = {},
): Promise<RedisServer> {
  for (let tries = 1; ; tries++) {
    const server = await startAt(port ?? (await freePort()), args, isLoaded);
    if ("url" in server) return server;
    if (tries === TRIES || !server.log.includes("Address already in use"))
      throw new Error(`redis-server did not start: ${args.join(" ")}\n${server.log}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function startAt(
  port: number,
  args: readonly string[],
  isLoaded: boolean,
): Promise<RedisServer | { readonly log: string }> {
  const dir = mkdtempSync(join(tmpdir(), "dcs-redis-"));
  const place = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir];
  const child = spawn("redis-server", [...place, "--save", "", "--appendonly", "no", ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let log = "";
  child.stdout.on("data", (text) => {
    log = `${log}${text}`.slice(-5000);
  });
  let over = false;
  // All that it said has been read.
  child.once("close", () => {
    over = true;
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.once("error", (error) => {
    log += error.message;
    over = true;
  });
  const stop = async (signal: NodeJS.Signals = "SIGKILL") => {
    child.kill("SIGCONT");
    child.kill(signal);
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    // Who answers may be whoever took the port.
    const isUp = async () => log.includes("Server initialized") && (await answers(port, isLoaded));
    await until(async () => (await isUp()) || over, PATIENCE_MS);
  } catch (error) {
    await stop();
    throw new Error(`redis-server does not answer: ${args.join(" ")}\n${log}`, { cause: error });
  }
  if (!over) return { port, url: `redis://127.0.0.1:${port}`, process: child, stop };
  rmSync(dir, { recursive: true, force: true });
  return { log };
}

function answers(port: number, isLoaded: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
    // One that is still reading its data answers too, and does nothing.
    socket.once("data", (text) => end(!isLoaded || !String(text).startsWith("-LOADING")));
    socket.once("connect", () => socket.write("PING\r\n"));
  });
}
