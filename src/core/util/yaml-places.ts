import { dirname } from "node:path";
import type { Document, LineCounter } from "yaml";
import { DcsError, type ErrorCode } from "../errors.ts";

/** Keys and indices from the top of a document to a value. */
export type YamlPath = readonly PropertyKey[];

/** A problem as zod reports it. */
export interface SchemaIssue {
  readonly code?: string | undefined;
  readonly path: YamlPath;
  readonly message: string;
  readonly keys?: readonly string[];
}

export interface YamlOptions {
  /** The code of every error about the document. */
  readonly code: ErrorCode;
  /** What to do about YAML that cannot be read. */
  readonly brokenHint: string;
}

/** A YAML document that knows where each of its keys stands, so that errors can say it. */
export class YamlPlaces {
  readonly file: string;
  readonly directory: string;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #code: ErrorCode;

  /** Rejects with the given code, file, line and column when the text is no YAML. */
  static async parse(file: string, text: string, { code, brokenHint }: YamlOptions): Promise<YamlPlaces> {
    const { LineCounter: Lines, parseDocument } = await import("yaml");
    const lines = new Lines();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const [broken] = document.errors;
    if (broken === undefined) return new YamlPlaces(file, document, lines, code);
    const { line, col } = lines.linePos(broken.pos[0]);
    const why =
      broken.code === "MULTIPLE_DOCS" ? "a second document begins, and one is wanted" : broken.message;
    throw new DcsError(code, `${file}:${line}:${col}: ${why}`, {
      details: { file, line, column: col },
      hint: brokenHint,
    });
  }

  private constructor(file: string, document: Document, lines: LineCounter, code: ErrorCode) {
    this.file = file;
    this.directory = dirname(file);
    this.#document = document;
    this.#lines = lines;
    this.#code = code;
  }

  /** Line and column of a value, or with `key` of the key itself; of the nearest parent where there is none. */
  at(path: YamlPath, key = false): { readonly line: number; readonly col: number } {
    const offset = (key ? this.#keyOffset(path) : null) ?? this.#valueOffset(path);
    return offset === null ? { line: 1, col: 1 } : this.#lines.linePos(offset);
  }

  /** The document as plain values; an error for an alias of nothing, or of too much. */
  content(): unknown {
    try {
      return this.#document.toJS();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DcsError(this.#code, `${this.file}: ${why}`, {
        cause,
        details: { file: this.file },
        hint: "correct the YAML alias there",
      });
    }
  }

  /** `file:line:column: key.path`. */
  name(path: YamlPath): string {
    const { line, col } = this.at(path);
    return `${this.file}:${line}:${col}: ${path.join(".")}`;
  }

  error(path: YamlPath, why: string, details: Readonly<Record<string, unknown>>, key = false): DcsError {
    const { line, col } = this.at(path, key);
    const name = path.join(".");
    return new DcsError(this.#code, `${this.file}:${line}:${col}: ${name === "" ? "" : `${name}: `}${why}`, {
      details: { file: this.file, line, column: col, key: name, ...details },
    });
  }

  /** The first problem that a schema found. `allowed` are the keys there are at a path. */
  schemaError(issues: readonly SchemaIssue[], allowed: (path: YamlPath) => readonly string[]): DcsError {
    const [issue] = issues;
    if (issue === undefined) return this.error([], "does not match the schema", {});
    const [unknown] = issue.code === "unrecognized_keys" ? (issue.keys ?? []) : [];
    if (unknown === undefined) return this.error(issue.path, issue.message, {});
    const keys = allowed(issue.path);
    return this.error(
      [...issue.path, unknown],
      `unknown key; allowed: ${keys.join(", ")}`,
      { allowed: keys },
      true,
    );
  }

  #valueOffset(path: YamlPath): number | null {
    for (let length = path.length; length >= 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true);
      const range = typeof node === "object" && node !== null && "range" in node ? node.range : null;
      if (Array.isArray(range)) return Number(range[0]);
    }
    return null;
  }

  #keyOffset(path: YamlPath): number | null {
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
