import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Plugin } from "esbuild";

/** What nearly every command runs, under src/. */
const HOT = ["cli/main.ts", "cli/base-command.ts", "core/lock/open-locks.ts"];

/**
 * Keeps what nearly every command runs in one chunk; `commands` are the entry points under src/. esbuild makes a chunk for each set of entry points (commands, and
 * targets of `import()`) that share modules, which gave 29 files for `lock acquire` at half a millisecond each; so every
 * entry point is made to import the same hot modules.
 */
export function hotPath(root: string, commands: readonly string[]): Plugin {
  return {
    name: "hot-path",
    setup(build) {
      const hot = HOT.map((path) => resolve(root, "src", path));
      const entries = new Set(commands.map((path) => resolve(root, "src", path)));
      build.onResolve({ filter: /^\.\.?\// }, ({ path, kind, resolveDir }) => {
        if (kind === "dynamic-import") entries.add(resolve(resolveDir, path));
        return undefined;
      });
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        if (!entries.has(path) || hot.includes(path)) return undefined;
        const imports = hot.map((module) => `import ${JSON.stringify(module)};`).join("");
        return { contents: `${imports}${await readFile(path, "utf8")}`, loader: "ts" };
      });
    },
  };
}
