import { type Contexts, Expression, type Json, type Reference } from "./expression.ts";

/**
 * A text with `${{ expression }}` in it. A text that is one expression and nothing else has that expression's value, of
 * any type; in any other the values are put into the text.
 */
export class Template {
  readonly source: string;
  readonly #parts: readonly (string | Expression)[];

  /** Throws an Error that says what is wrong with an expression. */
  constructor(source: string, contexts: readonly string[]) {
    this.source = source;
    const parts: (string | Expression)[] = [];
    let end = 0;
    for (const match of source.matchAll(/\$\{\{(.*?)\}\}/gs)) {
      if (match.index > end) parts.push(source.slice(end, match.index));
      parts.push(new Expression((match[1] ?? "").trim(), contexts));
      end = match.index + match[0].length;
    }
    if (end < source.length) parts.push(source.slice(end));
    if (parts.some((part) => typeof part === "string" && part.includes("${{"))) {
      throw new Error("${{ without its }}");
    }
    this.#parts = parts;
  }

  get references(): readonly Reference[] {
    return this.#parts.flatMap((part) => (typeof part === "string" ? [] : part.references));
  }

  /** The fixed text at the start. */
  get head(): string {
    const [first] = this.#parts;
    return typeof first === "string" ? first : "";
  }

  /** The value, of any type where the text is one expression. Throws as `text` does. */
  value(contexts: Contexts): Json {
    const [only] = this.#parts;
    if (this.#parts.length === 1 && only instanceof Expression) return only.evaluate(contexts);
    return this.text(contexts);
  }

  /**
   * The value as a text. `escaped` is applied to what expressions put in, not to what is written around them; it is told
   * the text before. Throws an Error where a value is not there, or is no text, number or truth: an address with a hole in
   * it means something else.
   */
  text(contexts: Contexts, escaped: (value: string, before: string) => string = (value) => value): string {
    let text = "";
    for (const part of this.#parts) {
      text += typeof part === "string" ? part : escaped(scalar(part, part.evaluate(contexts)), text);
    }
    return text;
  }
}

function scalar({ source }: Expression, value: Json): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new Error(
    value === null
      ? `\${{ ${source} }} has no value`
      : `\${{ ${source} }} is ${Array.isArray(value) ? "a list" : "an object"}, which has no place within a text; use toJSON`,
  );
}
