// Turns every sql/*.sql and lua/*.lua below src into statements.generated.ts beside its folder. With --check it changes
// nothing, and exits 1 when a generated file is stale.
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const check = process.argv.includes("--check");
const folders = new Set(globSync("src/**/{sql,lua}/*.{sql,lua}", { cwd: root }).map((file) => dirname(file)));
let stale = 0;

function statement(file: string): string {
  const text = readFileSync(join(root, file), "utf8")
    .split("\n")
    .map((line) => line.replace(/(^|\s)--.*$/, "").trimEnd())
    .filter((line) => line !== "")
    .join("\n");
  return `  ${JSON.stringify(basename(file, extname(file)))}: ${JSON.stringify(text)},`;
}

for (const folder of [...folders].sort()) {
  const kind = basename(folder);
  const files = globSync(`${folder}/*.${kind}`, { cwd: root }).sort();
  const text = [
    `// Generated from ${folder}/*.${kind} by scripts/generate-statements.ts; edit those.`,
    `export const ${kind.toUpperCase()} = {`,
    ...files.map(statement),
    "} as const;",
    "",
  ].join("\n");
  const target = join(root, dirname(folder), "statements.generated.ts");
  const old = existsSync(target) ? readFileSync(target, "utf8") : "";
  if (old === text) continue;
  if (check) {
    process.stderr.write(
      `stale: ${dirname(folder)}/statements.generated.ts; run \`node scripts/generate-statements.ts\`\n`,
    );
    stale++;
  } else {
    writeFileSync(target, text);
  }
}
process.exitCode = stale > 0 ? 1 : 0;
