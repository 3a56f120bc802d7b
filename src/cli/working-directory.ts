import { DcsError } from "../core/errors.ts";

/** The working directory; USAGE when it was deleted under the shell. */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new DcsError("USAGE", "the working directory does not exist any more", {
      cause,
      hint: "cd to a directory that exists",
    });
  }
}
