import { data, Evaluator, type Expr, Lexer, Parser } from "@actions/expressions";
import {
  type Binary,
  ContextAccess,
  type ExprVisitor,
  type FunctionCall,
  type Grouping,
  IndexAccess,
  Literal,
  type Logical,
  Star,
  type Unary,
} from "@actions/expressions/ast";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What expressions may read: by the name of the context, such as `input`. */
export type Contexts = Readonly<Record<string, Json>>;

/** A path that an expression reads, as far as it is written out: `["steps", "ship", "output", "id"]`. */
export type Reference = readonly string[];

/**
 * An expression in the language of GitHub Actions: names with hyphens, dots, indices, `== != < && || !`, `format`,
 * `toJSON`, `fromJSON`, `contains`, `startsWith`, `endsWith`, `join`. Comparing texts ignores case there. It cannot loop,
 * call out, or see anything but its contexts.
 */
export class Expression {
  readonly source: string;
  readonly references: readonly Reference[];
  readonly #tree: Expr;

  /** Throws an Error that says what is wrong with the text; `contexts` are the names it may use. */
  constructor(source: string, contexts: readonly string[]) {
    this.source = source;
    if (source === "") throw new Error("the expression is empty");
    this.#tree = new Parser(new Lexer(source).lex().tokens, [...contexts], []).parse();
    const found = new References();
    found.of(this.#tree);
    this.references = found.all;
  }

  /** A value that is not there is null. */
  evaluate(contexts: Contexts): Json {
    const given = new data.Dictionary();
    for (const [name, value] of Object.entries(contexts)) given.add(name, toData(value));
    return toJson(new Evaluator(this.#tree, given).evaluate());
  }
}

/** Collects what a tree reads. */
class References implements ExprVisitor<void> {
  readonly all: Reference[] = [];

  of(tree: Expr): void {
    tree.accept(this);
  }

  visitLiteral(): void {}

  visitUnary({ expr }: Unary): void {
    this.of(expr);
  }

  visitBinary({ left, right }: Binary): void {
    this.of(left);
    this.of(right);
  }

  visitLogical({ args }: Logical): void {
    for (const each of args) this.of(each);
  }

  visitGrouping({ group }: Grouping): void {
    this.of(group);
  }

  visitFunctionCall({ args }: FunctionCall): void {
    for (const each of args) this.of(each);
  }

  visitContextAccess(access: ContextAccess): void {
    this.all.push([access.name.lexeme]);
  }

  visitIndexAccess(access: IndexAccess): void {
    if (access.index instanceof Star) throw new Error("* is not available: name what you mean");
    const path = pathOf(access);
    if (path !== null) this.all.push(path);
    else {
      this.of(access.expr);
      if (!(access.index instanceof Literal)) this.of(access.index);
    }
  }
}

/** Null where a part of the path is computed. */
function pathOf(tree: Expr): Reference | null {
  if (tree instanceof ContextAccess) return [tree.name.lexeme];
  if (!(tree instanceof IndexAccess) || !(tree.index instanceof Literal)) return null;
  const before = pathOf(tree.expr);
  return before === null ? null : [...before, tree.index.literal.coerceString()];
}

function toData(value: Json): data.ExpressionData {
  if (value === null) return new data.Null();
  switch (typeof value) {
    case "string":
      return new data.StringData(value);
    case "number":
      return new data.NumberData(value);
    case "boolean":
      return new data.BooleanData(value);
  }
  if (isList(value)) return new data.Array(...value.map(toData));
  return new ExactDictionary(Object.entries(value).map(([key, each]) => [key, toData(each)]));
}

/** The library's own forgets the second of two keys that differ only by case, and `constructor` and its like. */
class ExactDictionary extends data.Dictionary {
  readonly #entries: ReadonlyMap<string, data.ExpressionData>;

  constructor(entries: readonly (readonly [string, data.ExpressionData])[]) {
    super();
    this.#entries = new Map(entries);
  }

  /** The key as it is written, else one that differs only by case, as names in the language do. */
  override get(key: string): data.ExpressionData | undefined {
    const exact = this.#entries.get(key);
    if (exact !== undefined) return exact;
    const lower = key.toLowerCase();
    for (const [name, value] of this.#entries) if (name.toLowerCase() === lower) return value;
    return undefined;
  }

  override values(): data.ExpressionData[] {
    return [...this.#entries.values()];
  }

  override pairs(): ReturnType<data.Dictionary["pairs"]> {
    return [...this.#entries].map(([key, value]) => ({ key, value }));
  }
}

function toJson(value: data.ExpressionData): Json {
  return JSON.parse(JSON.stringify(value, data.replacer)) as Json;
}

function isList(value: readonly Json[] | { readonly [key: string]: Json }): value is readonly Json[] {
  return Array.isArray(value);
}
