import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a directory and those above it, mode 0700. One level at a time: Node's own recursive mkdir never returns below a
 * directory that answers ENOENT to every mkdir, such as /proc.
 */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  for (let at = path; !existsSync(at); at = dirname(at)) missing.push(at);
  for (const directory of missing.reverse()) {
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      // Another process made it meanwhile.
      if (!existsSync(directory)) throw error;
    }
  }
}
