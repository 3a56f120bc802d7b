// Runs on `npm ci` and `npm install`: builds dcs, on the Node pinned in node_modules where the one running is too old.
// Plain JavaScript, because an old Node must be able to run it. Installed as a dependency without its development
// dependencies there is nothing to build with, and nothing to do: the package was built before it was packed.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const pinned = `${root}node_modules/.bin/node`;

if (existsSync(`${root}node_modules/esbuild`) && existsSync(`${root}scripts/build.ts`)) {
  const node = existsSync(pinned) ? pinned : process.execPath;
  const { status, error } = spawnSync(node, ["scripts/build.ts"], { cwd: root, stdio: "inherit" });
  if (error) process.stderr.write(`dcs: cannot build with ${node}: ${error.message}\n`);
  process.exitCode = status ?? 1;
}
