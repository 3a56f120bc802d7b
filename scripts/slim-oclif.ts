import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

const REQUIRE = /^const (\w+_\d+) = (__importDefault\(|__importStar\()?require\("([^"]+)"\)\)?;$/gm;

/** What stands in for modules of which dcs needs nothing, or which must ask our own module. */
const STAND_INS: Readonly<Record<string, string>> = {
  // DEBUG=oclif:* is not offered; the real one loads node:tty and node:util for it.
  debug:
    "module.exports = () => Object.assign(() => {}, { enabled: false, extend: () => module.exports() });",
  // One module decides about colour.
  "supports-color":
    "import { wantsColour } from './src/cli/colour.ts'; export const stdout = wantsColour(process.stdout), stderr = stdout;",
};

const PATCHES = [
  // The first use of a collator costs 6 ms, and ids are ASCII.
  ["a.id.localeCompare(b.id)", "(a.id < b.id ? -1 : 1)"],
  // Only to tell Windows shells apart.
  ["(await import('wsl-utils'))", "({ isWsl: false, powerShellPath: () => '' })"],
] as const;

/**
 * Makes oclif's core load what a command uses and not the help, globbing and template libraries beside it: its top-level
 * requires become lazy, and a few modules get stand-ins. The core is compiled by tsc, so each require is one line and
 * each use is `name_1.x`.
 */
export const slimOclif: Plugin = {
  name: "slim-oclif",
  setup(build) {
    const names = Object.keys(STAND_INS).join("|");
    build.onResolve({ filter: new RegExp(`^(?:${names})$`) }, ({ path }) => ({
      path,
      namespace: "stand-in",
    }));
    build.onLoad({ filter: /.*/, namespace: "stand-in" }, ({ path }) => ({
      contents: STAND_INS[path] ?? "",
      resolveDir: build.initialOptions.absWorkingDir ?? ".",
    }));
    build.onLoad({ filter: /[\\/]@oclif[\\/]core[\\/]lib[\\/].*\.js$/ }, async ({ path }) => ({
      contents: PATCHES.reduce(
        (text, [from, to]) => text.replaceAll(from, to),
        makeLazy(await readFile(path, "utf8")),
      ),
      loader: "js",
    }));
  },
};

/** The module with `const a_1 = require("a")` as a function that requires at its first call, and uses as calls. */
export function makeLazy(source: string): string {
  const names: string[] = [];
  const declared = source.replace(REQUIRE, (_all, name: string, wrap: string | undefined, id: string) => {
    names.push(name);
    const load = wrap === undefined ? `require("${id}")` : `${wrap}require("${id}"))`;
    return `let ${name}$cache; const ${name}$ = () => (${name}$cache ??= ${load});`;
  });
  // In brackets, because `new a_1$().B()` would be `(new a_1$()).B()`.
  return names.reduce(
    (text, name) => text.replaceAll(new RegExp(`\\b${name}\\b(?!\\$)`, "g"), `(${name}$())`),
    declared,
  );
}
