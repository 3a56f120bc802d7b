import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { string } from "@oclif/core/flags";
import { DcsError } from "../../core/errors.ts";
import type { Definition } from "../../core/saga/definition/definition.ts";
import type { Json } from "../../core/saga/definition/expression.ts";
import type { ReadDefinition } from "../../core/saga/definition/read-definition.ts";
import type { NewRunParts } from "../../core/saga/run/sagas.ts";
import { shortened } from "../../core/util/shortened.ts";
import { waitFlag } from "../flags.ts";
import type { Output } from "../output.ts";

/** Flags of the verbs that begin a run. */
export const newRunFlags = {
  input: string({
    char: "i",
    multiple: true,
    helpValue: "NAME=VALUE",
    summary: "One value of the input; JSON where the saga does not say that it is a string",
  }),
  "input-file": string({ helpValue: "FILE", summary: "The input as one JSON object; - is stdin" }),
  key: string({
    helpValue: "KEY",
    summary: "Business key: the same key of the same saga begins one run, however often this is called",
  }),
};

export const runWaitFlag = waitFlag({
  summary: "Longest time to wait for the end of the run; then exit 8, and the run can go on (forever)",
});

interface InputFlags {
  readonly input?: readonly string[] | undefined;
  readonly "input-file"?: string | undefined;
  readonly key?: string | undefined;
}

/** A definition and what a run of it is to begin with: checked, secrets sealed. SAGA_INVALID, SAGA_INPUT_INVALID, FILE_INVALID. */
export async function readNewRun(
  file: string,
  flags: InputFlags,
  out: Output,
): Promise<{ readonly read: ReadDefinition; readonly parts: NewRunParts }> {
  const { readDefinition } = await import("../../core/saga/definition/read-definition.ts");
  const read = await readDefinition(file);
  const { definition, warnings } = read;
  for (const { step, line, message } of warnings) {
    out.warn("SAGA_DOUBTFUL", `${file}:${line}: ${step}: ${message}`);
  }
  const { prepareInput } = await import("../../core/saga/secrets/prepare-input.ts");
  const input = prepareInput(definition, await readInput(definition, flags), process.env);
  return { read, parts: { input, businessKey: businessKey(flags.key) } };
}

function businessKey(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (text.length >= 1 && text.length <= 200 && !/\p{Cc}/u.test(text)) return text;
  throw new DcsError("USAGE", `--key "${shortened(text, 40)}": it must have 1 to 200 printable characters`, {
    hint: "give what names the business event, such as --key order-4711",
    details: { flag: "--key", length: text.length, allowed: "1 to 200 printable characters" },
  });
}

async function readInput(definition: Definition, flags: InputFlags): Promise<Record<string, Json>> {
  const input = flags["input-file"] === undefined ? {} : await readInputFile(flags["input-file"]);
  return { ...input, ...typedInput(definition, flags.input ?? []) };
}

/** The values of `--input NAME=VALUE`, as the definition wants them. USAGE for one that is not of that form. */
export function typedInput(definition: Definition, pairs: readonly string[]): Record<string, Json> {
  const input: Record<string, Json> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) {
      throw new DcsError("USAGE", `--input ${pair}: it is not NAME=VALUE`, {
        hint: "give it as --input sku=book",
        details: { flag: "--input", value: pair },
      });
    }
    const name = pair.slice(0, at);
    input[name] = typedValue(definition, name, pair.slice(at + 1));
  }
  return input;
}

async function readInputFile(path: string): Promise<Record<string, Json>> {
  const invalid = (why: string, cause?: unknown) =>
    new DcsError("FILE_INVALID", `--input-file ${path}: ${why}`, {
      ...(cause === undefined ? {} : { cause }),
      hint: 'give one JSON object, such as {"sku": "book"}',
      details: { flag: "--input-file", value: path },
    });
  let value: unknown;
  try {
    value = JSON.parse(path === "-" ? await text(process.stdin) : await readFile(path, "utf8"));
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid("it is not a JSON object");
  return value as Record<string, Json>;
}

/** A declared string stays what was typed; all else is JSON where it can be read as that. */
function typedValue({ input }: Definition, name: string, text: string): Json {
  if (input?.[name]?.type === "string") return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
