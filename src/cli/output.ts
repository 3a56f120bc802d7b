import { redact } from "../core/util/redact.ts";
import { shellQuote } from "../core/util/shell-quote.ts";
import { type Paint, paint } from "./colour.ts";
import { layoutTable, printable, type Table } from "./text.ts";

export type { Table } from "./text.ts";
export { shellQuote };

export const OUTPUT_MODES = ["table", "wide", "name", "env", "json", "ndjson"] as const;
export type OutputMode = (typeof OUTPUT_MODES)[number];

/**
 * How a result looks to people and scripts. A mode that is missing falls back: wide → table → lines, name → lines,
 * env → an error of usage. One element is one line: control characters in it, which others may have put into the store,
 * are shown as escapes.
 */
export interface View {
  readonly lines?: () => readonly string[];
  /** As `lines`, in colour; what comes from others must be printable already. */
  readonly painted?: (paint: Paint) => readonly string[];
  readonly table?: () => Table;
  readonly wide?: () => Table;
  readonly names?: () => readonly string[];
  readonly env?: () => Readonly<Record<string, string>>;
}

interface Warning {
  readonly code: string;
  readonly message: string;
}

export interface Output {
  readonly mode: OutputMode;
  /** True when stdout is a TTY and a person reads it (table or wide). */
  readonly tty: boolean;
  /** True with -q: nothing but results and failures is told. */
  readonly quiet: boolean;
  /** The one document of a command: the envelope with `dcs.<name>/1` in json and ndjson, otherwise the view. */
  result(name: string, data: object, view: View): void;
  /** One thing that happened, on a command that stays: an object with `event` and `at` in ndjson, otherwise a line. */
  event(event: string, data: object, line: string): void;
  /** Goes into the envelope's warnings, and to stderr unless -q. Say it before `result`. */
  warn(code: string, message: string): void;
  /** Progress for people, on stderr unless -q. */
  note(message: string): void;
  /** More for people, on stderr with -v. */
  verbose(message: string): void;
}

/** What the output writes to; both are process streams outside tests. */
export interface OutputStreams {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
}

export interface OutputOptions {
  readonly mode: OutputMode;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** The one place that writes results. Its mode is settled once the flags are parsed. */
export class ConsoleOutput implements Output {
  #options: OutputOptions;
  readonly #streams: OutputStreams;
  readonly #warnings: Warning[] = [];

  constructor(options: OutputOptions, streams: OutputStreams = process) {
    this.#options = options;
    this.#streams = streams;
  }

  settle(options: OutputOptions): void {
    this.#options = options;
  }

  get mode(): OutputMode {
    return this.#options.mode;
  }

  get tty(): boolean {
    return this.#streams.stdout.isTTY === true && (this.mode === "table" || this.mode === "wide");
  }

  get quiet(): boolean {
    return this.#options.quiet;
  }

  result(name: string, data: object, view: View): void {
    if (this.mode === "json" || this.mode === "ndjson") {
      this.#print(JSON.stringify({ schema: `dcs.${name}/1`, ok: true, data, warnings: this.#warnings }));
      return;
    }
    const lines = this.#lines(view);
    if (lines.length > 0) this.#print(lines.join("\n"));
  }

  event(event: string, data: object, line: string): void {
    if (this.mode === "json" || this.mode === "ndjson") {
      this.#print(JSON.stringify({ event, at: new Date().toISOString(), ...data }));
    } else {
      this.#print(printable(line));
    }
  }

  warn(code: string, message: string): void {
    const text = redact(message);
    this.#warnings.push({ code, message: text });
    if (!this.#options.quiet)
      this.#tell(`${paint(this.#streams.stderr).yellow("warning")} ${printable(text)}`);
  }

  note(message: string): void {
    if (!this.#options.quiet) this.#tell(printable(redact(message)));
  }

  verbose(message: string): void {
    if (this.#options.verbose) this.#tell(paint(this.#streams.stderr).dim(printable(redact(message))));
  }

  #lines(view: View): readonly string[] {
    switch (this.mode) {
      case "name":
        if (view.names) return view.names().map(printable);
        break;
      case "env":
        return Object.entries(view.env?.() ?? {}).map(([key, value]) => `export ${key}=${shellQuote(value)}`);
      case "wide":
        if (view.wide) return this.#table(view.wide());
        break;
    }
    if (view.table) return this.#table(view.table());
    if (view.painted) return view.painted(paint(this.#streams.stdout));
    return (view.lines?.() ?? []).map(printable);
  }

  #table(table: Table): readonly string[] {
    return layoutTable(table, paint(this.#streams.stdout).bold);
  }

  #print(text: string): void {
    this.#streams.stdout.write(`${text}\n`);
  }

  #tell(text: string): void {
    this.#streams.stderr.write(`${text}\n`);
  }
}
