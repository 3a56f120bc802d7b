import { globSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const IMPORT =
  /(?:^(import type|import|export type|export)\b[^;]*?\bfrom\s*|^(import)\s*|\bimport\()"([^"\n]+)"/gm;

interface Import {
  readonly file: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

interface Allowed {
  readonly all: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
}

function readTable(): Map<string, Allowed> {
  const rows = readFileSync(`${root}/docs/ARCHITECTURE.md`, "utf8").matchAll(
    /^\| `([^`]+)` \|[^|]*\|([^|]*)\|$/gm,
  );
  return new Map(
    [...rows].map(([, room = "", cell = ""]) => {
      const entries = cell.split(",").map((part) => ({
        name: /`([^`]+)`/.exec(part)?.[1] ?? "",
        types: part.includes("types of"),
      }));
      const named = (types: boolean) =>
        new Set(entries.filter((entry) => entry.types === types).map(({ name }) => name));
      return [room, { all: named(false), types: named(true) }];
    }),
  );
}

function roomOf(file: string): string {
  const [, first = "", second = ""] = file.split("/");
  return first === "core" ? `core/${second.replace(/\.ts$/, "")}` : first;
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

function importsOf(file: string): Import[] {
  const text = readFileSync(`${root}/${file}`, "utf8");
  return [...text.matchAll(IMPORT)].map(([, kind = "", , specifier = ""]) => ({
    file,
    target: specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : specifier,
    typeOnly: kind.endsWith(" type"),
  }));
}

const table = readTable();
const files = globSync("src/**/*.ts", { cwd: root });
const imports = files.flatMap(importsOf).filter(({ target }) => !target.startsWith("node:"));

function permitted({ file, target, typeOnly }: Import): boolean {
  const from = roomOf(file);
  const allowed = table.get(from);
  if (!allowed) return false;
  if (!target.startsWith("src/")) return allowed.all.has(packageOf(target));
  const to = roomOf(target);
  if (to === from) return from !== "commands";
  const names = to.startsWith("core/") ? [to, "core"] : [to];
  return names.some((name) => allowed.all.has(name) || (typeOnly && allowed.types.has(name)));
}

describe("rooms", () => {
  it("reads imports at all", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(imports.length).toBeGreaterThan(100);
    expect(table.size).toBeGreaterThan(10);
  });

  it("are all in the table of docs/ARCHITECTURE.md", () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !table.has(room))).toEqual([]);
  });

  it("import only what the table allows", () => {
    const broken = imports.filter((one) => !permitted(one)).map(({ file, target }) => `${file} -> ${target}`);
    expect(broken).toEqual([]);
  });

  it("have no cycles", () => {
    const edges = new Map(
      [...table].map(([room, { all }]) => [room, [...all].filter((name) => table.has(name))]),
    );
    const visiting = new Set<string>();
    const done = new Set<string>();
    const visit = (room: string): void => {
      expect(visiting, `a cycle through ${room}`).not.toContain(room);
      if (done.has(room)) return;
      visiting.add(room);
      for (const next of edges.get(room) ?? []) visit(next);
      visiting.delete(room);
      done.add(room);
    };
    for (const room of edges.keys()) visit(room);
  });

  it("below the command line print nothing and never end the process", () => {
    const core = files.filter((file) => file.startsWith("src/core/") && !file.endsWith(".entry.ts"));
    const loud = core.filter((file) =>
      /\bconsole\.|process\.exit\(/.test(readFileSync(`${root}/${file}`, "utf8")),
    );
    expect(loud).toEqual([]);
  });
});
