import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { DcsError } from "../../errors.ts";
import { canonicalJson } from "../../util/canonical-json.ts";
import { YamlPlaces } from "../../util/yaml-places.ts";
import { buildDefinition } from "./build-definition.ts";
import { checkDefinition, type DefinitionWarning } from "./check-definition.ts";
import type { Definition } from "./definition.ts";
import { allowedKeys, plainIssues, type RawIssue } from "./schema-issues.ts";

/** A definition is read whole and pinned by each run: nobody means a larger one. */
const MAX_BYTES = 256 * 1024;

/** A definition, its text, and what is doubtful in it. */
export interface ReadDefinition {
  readonly definition: Definition;
  /** As it stands in the file; what a run pins. */
  readonly text: string;
  /** SHA-256 of what the text says, hex: spaces, comments and the order of keys do not count. */
  readonly hash: string;
  readonly warnings: readonly DefinitionWarning[];
}

/** Reads and checks a saga's file. SAGA_INVALID with file, line and column; FILE_INVALID when it cannot be read. */
export async function readDefinition(path: string): Promise<ReadDefinition> {
  let text: string;
  try {
    // A pipe nobody writes to would be read for ever, past every signal.
    if (!(await stat(path)).isFile()) throw new Error("it is no regular file");
    text = await readFile(path, "utf8");
  } catch (cause) {
    const code =
      cause instanceof Error ? ("code" in cause ? String(cause.code) : cause.message) : String(cause);
    const why = code === "ENOENT" ? "there is no such file" : `cannot be read: ${code}`;
    throw new DcsError("FILE_INVALID", `${path}: ${why}`, { cause, details: { file: path } });
  }
  return parseDefinition(text, path);
}

/** The same for a text that was read before; `path` names it in errors, and its directory is where modules are found. */
export async function parseDefinition(text: string, path: string): Promise<ReadDefinition> {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BYTES) {
    throw new DcsError("SAGA_INVALID", `${path}: is ${bytes} bytes long; at most ${MAX_BYTES} are allowed`, {
      details: { file: path, bytes, allowed: MAX_BYTES },
      hint: "move large bodies into the services, or into a module",
    });
  }
  const places = await YamlPlaces.parse(path, text, {
    code: "SAGA_INVALID",
    brokenHint:
      'correct the YAML there; a text that begins with { or ${{ within { } needs quotes: "${{ input.x }}"',
  });
  const { sagaSchema } = await import("./saga-schema.ts");
  const content = places.content() ?? {};
  const checked = sagaSchema.safeParse(content);
  if (!checked.success) {
    const issues = plainIssues(checked.error.issues as readonly RawIssue[], content);
    throw places.schemaError(issues, (at) => allowedKeys(at, content));
  }
  const definition = buildDefinition(checked.data, places, resolve(places.directory));
  const warnings = checkDefinition(definition, places);
  return { definition, text, hash: hashOf(checked.data), warnings };
}

function hashOf(document: unknown): string {
  return createHash("sha256").update(canonicalJson(document)).digest("hex");
}
