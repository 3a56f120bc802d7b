import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/dcs.js", import.meta.url));

export interface DcsExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningDcs {
  readonly process: ChildProcess;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  readonly done: Promise<DcsExit>;
}

/** A directory of its own, with the environment that makes dcs keep everything in it. */
export interface Sandbox extends Disposable {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}

/** An empty home and state directory, removed at the end. */
export function sandbox(): Sandbox {
  const dir = mkdtempSync(join(tmpdir(), "dcs-test-"));
  return {
    dir,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: dir,
      DCS_STATE_DIR: join(dir, "state"),
      TZ: "UTC",
      LANG: "C.UTF-8",
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Starts the built `dcs` as a process of its own; its stdin is empty. */
export function startDcs(
  box: Sandbox,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningDcs {
  const child = spawn(process.execPath, [process.env["DCS_TEST_BIN"] ?? BIN, ...args], {
    cwd: box.dir,
    env: { ...box.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const done = new Promise<DcsExit>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { process: child, pid: child.pid ?? -1, stdout: () => stdout, stderr: () => stderr, done };
}
