import { findEngine, installCommand } from "../../scripts/engines.ts";

/** The program of an engine the suite needs, which `npm test` has made sure of; fails with the command that installs it. */
export function engineProgram(program: string): string {
  const path = findEngine(program);
  if (path === null) throw new Error(`${program} is not on PATH: ${installCommand(program)}`);
  return path;
}
