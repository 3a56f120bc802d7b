/**
 * `out` takes the pinned Node out of package.json before packing, so that users of the package do not download it;
 * `in` puts it back. The original is kept beside package.json until then, so a crash in between loses nothing, and both
 * may be run twice.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const manifest = fileURLToPath(new URL("../package.json", import.meta.url));
const original = `${manifest}.orig`;

function out(): void {
  restore();
  const text = readFileSync(manifest, "utf8");
  const pjson = JSON.parse(text);
  for (const name of Object.keys(pjson.optionalDependencies ?? {})) {
    if (name.startsWith("node-linux-")) delete pjson.optionalDependencies[name];
  }
  if (Object.keys(pjson.optionalDependencies ?? {}).length === 0) delete pjson.optionalDependencies;
  writeFileSync(`${original}.new`, text);
  renameSync(`${original}.new`, original);
  writeFileSync(manifest, `${JSON.stringify(pjson, null, 2)}\n`);
}

function restore(): void {
  if (existsSync(original)) renameSync(original, manifest);
}

const [verb] = process.argv.slice(2);
if (verb === "out") out();
else if (verb === "in") restore();
else throw new Error("usage: pin-node.ts out|in");
