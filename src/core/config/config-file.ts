import { readFileSync } from "node:fs";
import type { Document, LineCounter } from "yaml";
import { DcsError } from "../errors.ts";
import { parseDuration } from "../util/duration.ts";
import type { ConfigDocument } from "./schema.ts";
import { checkUrl, isLocalUrl, SCHEMES, type UrlKey } from "./url.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Path = readonly PropertyKey[];

/** A value of a file and the line it stands on. */
export interface Located<T> {
  readonly value: T;
  readonly line: number;
}

/** A context with its variables expanded and its URLs checked. */
export interface ContextValues {
  readonly urls: Readonly<Partial<Record<UrlKey, Located<string>>>>;
  readonly timeoutMs: Located<number> | null;
  readonly protected: Located<boolean> | null;
  /** True when nothing in it is on another machine. */
  readonly local: boolean;
}

/** One configuration file that was read and matches the schema. */
export interface ConfigFile {
  readonly path: string;
  /** The `context:` key. */
  readonly preferred: Located<string> | null;
  /** Names of contexts and the lines they start on. */
  readonly contexts: ReadonlyMap<string, number>;
  /** The values of one context; CONFIG_INVALID where a variable is not set or a value is not usable. */
  values(name: string): ContextValues;
}

export interface ReadOptions {
  readonly env: Environment;
  readonly home: string | null;
}

/** Reads and checks a configuration file; null when it does not exist. CONFIG_INVALID names file, line, column and key. */
export async function readConfigFile(path: string, options: ReadOptions): Promise<ConfigFile | null> {
  const text = readText(path);
  if (text === null) return null;
  const [{ LineCounter: Lines, parseDocument }, { configSchema }] = await Promise.all([
    import("yaml"),
    import("./schema.ts"),
  ]);
  const lines = new Lines();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const places = new Places(path, document, lines);
  const [broken] = document.errors;
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new DcsError("CONFIG_INVALID", `${path}:${line}:${col}: ${broken.message}`, {
      details: { file: path, line, column: col },
      hint: 'correct the YAML there; a value that ends in a colon needs quotes: "embedded:"',
    });
  }
  const checked = configSchema.safeParse(places.content() ?? {});
  if (!checked.success) throw places.schemaError(checked.error.issues);
  return new CheckedFile(places, checked.data, options);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new DcsError("CONFIG_INVALID", `${path}: cannot be read: ${String(code ?? cause)}`, {
      cause,
      details: { file: path },
      hint: "make the file readable, or move it away",
    });
  }
}

class CheckedFile implements ConfigFile {
  readonly path: string;
  readonly preferred: Located<string> | null;
  readonly contexts: ReadonlyMap<string, number>;
  readonly #places: Places;
  readonly #document: ConfigDocument;
  readonly #options: ReadOptions;

  constructor(places: Places, document: ConfigDocument, options: ReadOptions) {
    this.path = places.file;
    this.#places = places;
    this.#document = document;
    this.#options = options;
    this.preferred =
      document.context === undefined ? null : { value: document.context, line: places.at(["context"]).line };
    const names = Object.keys(document.contexts ?? {});
    this.contexts = new Map(names.map((name) => [name, places.at(["contexts", name], true).line]));
  }

  values(name: string): ContextValues {
    const context = this.#document.contexts?.[name] ?? {};
    const urls: Partial<Record<UrlKey, Located<string>>> = {};
    for (const key of Object.keys(SCHEMES) as UrlKey[]) {
      const written = context[key];
      if (written !== undefined) urls[key] = this.#url(name, key, written);
    }
    const { timeout, protected: guarded } = context;
    return {
      urls,
      local: Object.values(urls).every(({ value }) => isLocalUrl(value)),
      timeoutMs: timeout === undefined ? null : this.#duration(["contexts", name, "timeout"], timeout),
      protected:
        guarded === undefined
          ? null
          : { value: guarded, line: this.#places.at(["contexts", name, "protected"]).line },
    };
  }

  #url(name: string, key: UrlKey, written: string): Located<string> {
    const path = ["contexts", name, key];
    const { line } = this.#places.at(path);
    const value = checkUrl(key, this.#expand(path, written), {
      what: this.#places.name(path),
      code: "CONFIG_INVALID",
      base: this.#places.directory,
      home: this.#options.home,
    });
    return { value, line };
  }

  #duration(path: Path, written: string): Located<number> {
    try {
      return {
        value: parseDuration(this.#expand(path, written), "timeout"),
        line: this.#places.at(path).line,
      };
    } catch (cause) {
      if (!(cause instanceof DcsError) || cause.code !== "USAGE") throw cause;
      throw this.#places.error(path, `"${written}" is not a duration such as 10s`, { value: written });
    }
  }

  /** Puts environment variables in the place of `${NAME}`; `$${` stands for `${` itself. */
  #expand(path: Path, written: string): string {
    return written.replace(/\$?\$\{([^}]*)\}/g, (all, variable: string) => {
      if (all.startsWith("$$")) return all.slice(1);
      const value = this.#options.env[variable];
      if (value === undefined || value === "") {
        throw this.#places.error(path, `the environment variable ${variable} is not set`, { variable });
      }
      return value;
    });
  }
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: Path;
  readonly message: string;
  readonly keys?: readonly string[];
}

/** Knows where each key of a YAML document stands. */
class Places {
  readonly file: string;
  readonly directory: string;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(file: string, document: Document, lines: LineCounter) {
    this.file = file;
    this.directory = file.slice(0, file.lastIndexOf("/")) || "/";
    this.#document = document;
    this.#lines = lines;
  }

  /** Line and column of a value, or with `key` of the key itself; of the nearest parent where there is none. */
  at(path: Path, key = false): { readonly line: number; readonly col: number } {
    const offset = (key ? this.#keyOffset(path) : null) ?? this.#valueOffset(path);
    return offset === null ? { line: 1, col: 1 } : this.#lines.linePos(offset);
  }

  /** The document as plain values; CONFIG_INVALID for an alias of nothing, or of too much. */
  content(): unknown {
    try {
      return this.#document.toJS();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DcsError("CONFIG_INVALID", `${this.file}: ${why}`, {
        cause,
        details: { file: this.file },
        hint: "correct the YAML alias there",
      });
    }
  }

  name(path: Path): string {
    const { line, col } = this.at(path);
    return `${this.file}:${line}:${col}: ${path.join(".")}`;
  }

  error(path: Path, why: string, details: Readonly<Record<string, unknown>>, key = false): DcsError {
    const { line, col } = this.at(path, key);
    const name = path.join(".");
    return new DcsError(
      "CONFIG_INVALID",
      `${this.file}:${line}:${col}: ${name === "" ? "" : `${name}: `}${why}`,
      {
        details: { file: this.file, line, column: col, key: name, ...details },
      },
    );
  }

  schemaError(issues: readonly Issue[]): DcsError {
    const [issue] = issues;
    if (issue === undefined) return this.error([], "does not match the schema", {});
    const [unknown] = issue.code === "unrecognized_keys" ? (issue.keys ?? []) : [];
    if (unknown === undefined) return this.error(issue.path, issue.message, {});
    const allowed = issue.path.length === 0 ? ROOT_KEYS : CONTEXT_KEYS;
    return this.error(
      [...issue.path, unknown],
      `unknown key; allowed: ${allowed.join(", ")}`,
      { allowed },
      true,
    );
  }

  #valueOffset(path: Path): number | null {
    for (let length = path.length; length >= 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true);
      const range = typeof node === "object" && node !== null && "range" in node ? node.range : null;
      if (Array.isArray(range)) return Number(range[0]);
    }
    return null;
  }

  #keyOffset(path: Path): number | null {
    const parent: unknown =
      path.length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, -1), true);
    const items: unknown = Object(parent).items;
    if (!Array.isArray(items)) return null;
    const wanted = String(path.at(-1));
    const found: unknown = items.find((pair: unknown) => String(Object(Object(pair).key).value) === wanted);
    const range: unknown = Object(Object(found).key).range;
    return Array.isArray(range) ? Number(range[0]) : null;
  }
}

const ROOT_KEYS = ["context", "contexts"];
const CONTEXT_KEYS = ["store", "locks", "journal", "timeout", "protected"];
