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

/** Starts one; `args` are options of redis-server. Resolves when it answers, and has read its data where it `isLoaded`. */
export async function startRedis(
  args: readonly string[] = [],
  port?: number,
  { isLoaded = true } = {},
): Promise<RedisServer> {
  const chosen = port ?? (await freePort());
  const dir = mkdtempSync(join(tmpdir(), "dcs-redis-"));
  const base = [
    "--port",
    String(chosen),
    "--bind",
    "127.0.0.1",
    "--dir",
    dir,
    "--save",
    "",
    "--appendonly",
    "no",
  ];
  const child = spawn("redis-server", [...base, ...args], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  child.once("error", () => {});
  await until(() => answers(chosen, isLoaded), 10_000);
  return {
    port: chosen,
    url: `redis://127.0.0.1:${chosen}`,
    process: child,
    async stop(signal = "SIGKILL") {
      child.kill("SIGCONT");
      child.kill(signal);
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function answers(port: number, isLoaded: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("error", () => end(false));
    // One that is still reading its data answers too, and does nothing.
    socket.once("data", (text) => end(!isLoaded || !String(text).startsWith("-LOADING")));
    socket.once("connect", () => socket.write("PING\r\n"));
  });
}
