import { accessSync, constants, existsSync, type Stats, statfsSync, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import { shellQuote } from "../../util/shell-quote.ts";
import { type Finding, fail, ok, unknown, warn } from "../check.ts";

const MEBIBYTE = 1024 * 1024;
const LITTLE = 64 * MEBIBYTE;
const NONE = 4 * MEBIBYTE;

/** The nearest directory upward that exists. */
export function existingDirectory(directory: string): string {
  let at = directory;
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at);
  return at;
}

/** Who owns the file and its directory, and who else may read or change them; `harm` is what they could do by that. */
export function examinePermissions(path: string, harm = "break every lock"): readonly Finding[] {
  const directory = existingDirectory(dirname(path));
  const inside = permissions("directory", dirname(path), 0o700, harm);
  if (!existsSync(path)) return inside === null ? [writable(directory)] : [inside];
  const file = permissions("file", path, 0o600, harm);
  return [inside, file].filter((finding) => finding !== null);
}

function permissions(check: string, path: string, wanted: number, harm: string): Finding | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  const mode = stat.mode & 0o777;
  const octal = `0${mode.toString(8)}`;
  const data = { path, mode: octal, uid: stat.uid };
  const detail = `${path}: mode ${octal}, owner ${stat.uid}`;
  const shared = mode & 0o077;
  if (shared === 0 && isOurs(stat)) return ok(check, detail, data);
  const fix = `chmod ${wanted.toString(8)} ${shellQuote(path)}`;
  if (shared === 0) {
    const chown = `chown $(id -un) ${shellQuote(path)}`;
    return warn(check, `${detail}: it belongs to another user than the one who runs dcs`, chown, { data });
  }
  // Everybody may write to /tmp, but only the owner of a file there may remove it.
  const sticky = (stat.mode & 0o1000) !== 0;
  if ((shared & 0o022) !== 0 && !sticky) {
    return warn(check, `${detail}: other users may change or replace it, and so ${harm}`, fix, {
      data,
      weakens: `other users may change ${path}`,
    });
  }
  if (check === "directory") return ok(check, `${detail}: others may look into it, not change it`, data);
  return warn(check, `${detail}: other users may read what is stored`, fix, { data });
}

function isOurs({ uid }: Stats): boolean {
  return process.getuid === undefined || uid === process.getuid();
}

function writable(directory: string): Finding {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return ok("directory", `${directory} can be written`, { path: directory });
  } catch {
    return fail("directory", `${directory} cannot be written`, `chmod u+wx ${shellQuote(directory)}`, {
      data: { path: directory, error: "STORE_UNWRITABLE" },
    });
  }
}

export function examineSpace(directory: string): Finding {
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  const data = { freeBytes: free };
  const detail = `${Math.floor(free / MEBIBYTE)} MiB are free on the filesystem of ${directory}`;
  const look = `du -xh ${shellQuote(directory)} | sort -h | tail`;
  if (free < NONE) return fail("space", `${detail}: the next write may fail`, look, { data });
  return free < LITTLE ? warn("space", detail, look, { data }) : ok("space", detail, data);
}

/** Whether the system still gives out file notifications: waiting for a lock is by them. */
export function examineNotices(directory: string): Finding {
  try {
    watch(directory, { persistent: false }).close();
    return ok("notices", "file notifications are to be had");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const limit = code === "ENOSPC" ? "max_user_watches" : "max_user_instances";
    const detail = `the system gives no file notification (${code}): waiters look from time to time instead`;
    if (code !== "ENOSPC" && code !== "EMFILE") return unknown("notices", detail);
    return warn("notices", detail, `sysctl -w fs.inotify.${limit}=65536`, { data: { error: code } });
  }
}
