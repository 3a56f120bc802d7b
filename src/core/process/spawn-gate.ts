import { type ChildProcess, spawn } from "node:child_process";
import { DcsError } from "../errors.ts";
import { gateFor } from "./gate.ts";
import type { SuperviseOptions } from "./supervisor.ts";

type SpawnOptions = Pick<SuperviseOptions, "args" | "cwd" | "stdio">;

/** Spawns the gate of a command, as the leader of a new session and process group. COMMAND_NOT_EXECUTABLE. */
export function spawnGate(
  program: string,
  env: Readonly<NodeJS.ProcessEnv>,
  options: SpawnOptions,
): ChildProcess {
  const [stdin, stdout, stderr] = options.stdio ?? ["inherit", "inherit", "inherit"];
  const { program: shell, args } = gateFor(program, options.args ?? [], env);
  try {
    return spawn(shell, args, {
      env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: [stdin, stdout, stderr, "pipe"],
      // A new session and process group, whose number is the pid.
      detached: true,
    });
  } catch (error) {
    throw cannotStart(program, error);
  }
}

/** The error for a program that was found and that the system would not start. */
export function cannotStart(program: string, cause: unknown): DcsError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
  const hint =
    code === "E2BIG"
      ? "shorten the arguments or the environment"
      : "check the working directory, and the limits on processes and memory";
  return new DcsError("COMMAND_NOT_EXECUTABLE", `${program} could not be started: ${code}`, {
    cause,
    hint,
    details: { path: program, code },
  });
}
