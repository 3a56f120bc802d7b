import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { sandbox } from "./start-dcs.ts";

const BIN = fileURLToPath(new URL("../../bin/dcs.js", import.meta.url));

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Milliseconds until the process is killed and the run rejects; 20 s. */
  readonly timeout?: number;
}

export interface DcsRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Stdout as one JSON document. */
  json(): Record<string, unknown>;
}

/**
 * Runs the built `dcs` to its end, with nothing of the caller's environment but PATH, and an empty home and state
 * directory of its own unless `env` names them.
 */
export async function runDcs(args: readonly string[], options: RunOptions = {}): Promise<DcsRun> {
  using box = sandbox();
  const { stdout, stderr, code } = await runProcess([process.execPath, BIN, ...args], {
    cwd: box.dir,
    ...options,
    env: { ...box.env, ...options.env },
  });
  return { stdout, stderr, code, json: () => JSON.parse(stdout) };
}

/** Runs any command to its end; stdin is `input`, or empty. */
export function runProcess(
  [command = "", ...args]: readonly string[],
  options: RunOptions = {},
): Promise<Omit<DcsRun, "json">> {
  return new Promise((resolve, reject) => {
    const timeout = options.timeout ?? 20_000;
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      timeout,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (signal === "SIGKILL")
        reject(new Error(`${command} ${args.join(" ")}: not done in ${timeout} ms\n${stderr}`));
      else resolve({ code, stdout, stderr });
    });
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** The path of the built executable, for shell scripts. */
export const dcsBin = BIN;
