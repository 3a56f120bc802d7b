import { statSync } from "node:fs";

/** What tells one file from another that comes to stand at the same path; empty when there is none. */
export function fileIdentity(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "" : `${stat.dev}:${stat.ino}`;
}
