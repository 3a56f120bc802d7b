/**
 * Files that are started by path, as a thread or a process, rather than imported: name → place under src/.
 * The build makes dist/entries/<name>.js of each.
 */
export const ENTRIES = {
  "bench-null-server": "core/bench/load/null-server.entry.ts",
  "bench-ticker": "core/bench/load/ticker.entry.ts",
  "bench-worker": "core/bench/load/worker.entry.ts",
  "guard-thread": "core/lock/guard-thread.entry.ts",
  "torture-worker": "core/lock/torture/torture-worker.entry.ts",
  watchdog: "core/process/watchdog.entry.ts",
} as const satisfies Readonly<Record<string, string>>;

export type EntryName = keyof typeof ENTRIES;

const BUNDLE_ROOT = "/dist/";

/** Where the entry file is: its source when dcs runs from src/, else the built file beside the bundle. */
export function entryUrl(name: EntryName): URL {
  const here = import.meta.url;
  if (here.endsWith(".ts")) return new URL(`../../${ENTRIES[name]}`, here);
  // A chunk may stand at any depth of dist/, so the root is found by name and not by ../
  return new URL(`entries/${name}.js`, here.slice(0, here.lastIndexOf(BUNDLE_ROOT) + BUNDLE_ROOT.length));
}
