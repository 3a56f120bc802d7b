import { inspect } from "node:util";
import { type DcsError, toDcsError } from "../core/errors.ts";
import { redact, redactDeep } from "../core/util/redact.ts";
import { paint } from "./colour.ts";
import type { OutputMode, OutputStreams } from "./output.ts";
import { printable } from "./text.ts";

/** How a failure is to be told. */
export interface FailureOptions {
  readonly mode: OutputMode;
  readonly debug: boolean;
  /** `--error-exit`: the status for every failure of dcs itself; null for the table's. */
  readonly errorExit: number | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly streams: OutputStreams;
}

/** Tells the failure on stdout (json, ndjson) or stderr, and returns the exit status. */
export function tellFailure(thrown: unknown, options: FailureOptions): number {
  const error = toDcsError(thrown);
  const { stdout, stderr } = options.streams;
  if (options.mode === "json") {
    stdout.write(`${JSON.stringify(errorDocument(error))}\n`);
  } else if (options.mode === "ndjson") {
    const at = new Date().toISOString();
    stdout.write(`${JSON.stringify({ event: "error", at, ...errorDocument(error) })}\n`);
  } else {
    const colours = paint(stderr, options.env);
    stderr.write(`${colours.red(`error ${error.code}:`)} ${oneLine(redact(error.message))}\n`);
    stderr.write(`${colours.dim("  try:")} ${oneLine(redact(error.hint))}\n`);
  }
  if (options.env["GITHUB_ACTIONS"] === "true") stderr.write(`${annotation(error)}\n`);
  if (options.debug) stderr.write(`${redact(causeChain(thrown))}\n`);
  return options.errorExit ?? error.exitCode;
}

/** The JSON of a failure: `dcs.error/1`. */
export function errorDocument(error: DcsError): object {
  return {
    schema: "dcs.error/1",
    ok: false,
    error: {
      code: error.code,
      message: redact(error.message),
      hint: redact(error.hint),
      docs: error.docs,
      retryable: error.retryable,
      details: redactDeep(error.details),
    },
    ...(error.data === undefined ? {} : { data: error.data }),
  };
}

/** A workflow command of GitHub Actions; its escapes are %25 and %0A (a carriage return is shown as `\x0d`). */
function annotation(error: DcsError): string {
  const text = redact(`${error.message} (${error.hint})`)
    .split(/\r?\n/)
    .map(printable)
    .join("\n")
    .replaceAll("%", "%25")
    .replaceAll("\n", "%0A");
  return `::error title=${error.code}::${text}`;
}

function oneLine(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, " "));
}

function causeChain(thrown: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  for (let error = thrown; error !== undefined && !seen.has(error); ) {
    seen.add(error);
    const text = error instanceof Error ? (error.stack ?? String(error)) : inspect(error);
    parts.push(parts.length === 0 ? text : `caused by: ${text}`);
    error = error instanceof Error ? error.cause : undefined;
  }
  return parts.join("\n").split("\n").map(printable).join("\n");
}
