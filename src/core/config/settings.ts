/** Where a value came from. */
export type Origin =
  | { readonly kind: "flag"; readonly flag: string }
  | { readonly kind: "env"; readonly variable: string }
  | {
      readonly kind: "context";
      readonly context: string;
      readonly file: string;
      readonly line: number;
    }
  | { readonly kind: "state"; readonly file: string }
  | { readonly kind: "file"; readonly file: string; readonly line: number }
  | { readonly kind: "default" };

/** One value and where it came from. */
export interface Setting<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** The context in use. */
export interface ChosenContext {
  readonly name: string;
  /** Where the context is defined. */
  readonly file: string;
  readonly line: number;
  /** What chose it: a flag, DCS_CONTEXT, `dcs config use`, or the `context:` key of a file. */
  readonly chosenBy: Origin;
  readonly protected: boolean;
}

/** The configuration of one run of dcs. URLs may hold secrets: show them through `redact`. */
export interface Settings {
  /** Null when a URL was given by flag or DCS_*, and when no context is chosen. */
  readonly context: ChosenContext | null;
  readonly store: Setting<string>;
  readonly locks: Setting<string>;
  readonly journal: Setting<string>;
  readonly protected: Setting<boolean>;
  readonly timeoutMs: Setting<number>;
  readonly stateDir: Setting<string>;
  /** What the user should know but what stops nothing. */
  readonly warnings: readonly string[];
}

/** An origin as people read it: `flag --store`, `DCS_STORE`, `dcs.yaml:3 (context prod)`, `default`. */
export function formatOrigin(origin: Origin): string {
  switch (origin.kind) {
    case "flag":
      return `flag --${origin.flag}`;
    case "env":
      return origin.variable;
    case "context":
      return `${origin.file}:${origin.line} (context ${origin.context})`;
    case "state":
      return `${origin.file} (dcs config use)`;
    case "file":
      return `${origin.file}:${origin.line}`;
    case "default":
      return "default";
  }
}
