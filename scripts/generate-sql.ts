// Turns every sql/*.sql below src into statements.generated.ts beside its folder. With --check it changes nothing, and
// exits 1 when a generated file is stale.
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const check = process.argv.includes("--check");
const folders = [...new Set(globSync("src/**/sql/*.sql", { cwd: root }).map((file) => dirname(file)))].sort();
let stale = 0;
for (const folder of folders) {
  const entries = globSync(`${folder}/*.sql`, { cwd: root })
    .sort()
    .map((file) => {
      const sql = readFileSync(join(root, file), "utf8")
        .split("\n")
        .map((line) => line.replace(/--.*$/, "").trimEnd())
        .filter((line) => line !== "")
        .join("\n");
      return `  ${JSON.stringify(basename(file, ".sql"))}: ${JSON.stringify(sql)},`;
    });
  const text = [
    `// Generated from ${folder}/*.sql by scripts/generate-sql.ts; edit those.`,
    "export const SQL = {",
    ...entries,
    "} as const;",
    "",
  ].join("\n");
  const target = join(root, dirname(folder), "statements.generated.ts");
  const old = existsSync(target) ? readFileSync(target, "utf8") : "";
  if (old === text) continue;
  if (check) {
    process.stderr.write(
      `stale: ${dirname(folder)}/statements.generated.ts; run \`node scripts/generate-sql.ts\`\n`,
    );
    stale++;
  } else {
    writeFileSync(target, text);
  }
}
process.exitCode = stale > 0 ? 1 : 0;
