import { DcsError } from "../../errors.ts";
import { isTooDeep, MAX_JSON_DEPTH } from "../../util/json-depth.ts";
import { shortened } from "../../util/shortened.ts";
import type { Definition, InputSpec } from "./definition.ts";
import type { Json } from "./expression.ts";

/** Of a run's whole input, as JSON. */
export const MAX_INPUT_BYTES = 256 * 1024;

/**
 * What a run is given, complete with defaults, in the order of the definition. SAGA_INPUT_INVALID names the input, what was
 * given (not of a secret) and what is allowed.
 */
export function checkInput(definition: Definition, given: unknown): Readonly<Record<string, Json>> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw invalid(`the input must be an object of names and values, not ${seen(given)}`, {
      value: seen(given),
      allowed: "an object",
    });
  }
  const inputs = asJson(given);
  return definition.input === null ? inputs : matched(definition.input, inputs);
}

function matched(
  specs: NonNullable<Definition["input"]>,
  inputs: Readonly<Record<string, Json>>,
): Readonly<Record<string, Json>> {
  const names = Object.keys(specs);
  const unknown = Object.keys(inputs).find((name) => !Object.hasOwn(specs, name));
  if (unknown !== undefined) {
    const meant = names.find((name) => name.toLowerCase() === unknown.toLowerCase());
    const instead = meant === undefined ? `it takes ${names.join(", ")}` : `it takes ${meant}`;
    // Its value may be a secret under a misspelt name.
    throw invalid(`input ${unknown}: the saga takes no such input; ${instead}`, {
      input: unknown,
      allowed: names,
    });
  }
  const complete = Object.entries(specs).map(([name, spec]) => [name, valueFor(name, spec, inputs)]);
  return Object.fromEntries(complete) as Readonly<Record<string, Json>>;
}

function valueFor(
  name: string,
  { type, secret, ...spec }: InputSpec,
  inputs: Readonly<Record<string, Json>>,
): Json {
  const isGiven = Object.hasOwn(inputs, name);
  const value = isGiven ? inputs[name] : spec.default;
  if (value === undefined) {
    throw invalid(`input ${name} is missing: it must be ${allowed(type)}`, { input: name, allowed: type });
  }
  if (type === "any" || typeof value === type) return value as Json;
  const shown = secret ? "something else" : seen(value);
  const where = isGiven ? "" : ", which is its default,";
  throw invalid(`input ${name} must be ${allowed(type)}, not ${shown}${where}`, {
    input: name,
    allowed: type,
    ...(secret ? {} : { value: shown }),
  });
}

/** Only what JSON can say, and no more than a journal should keep. */
function asJson(given: object): Readonly<Record<string, Json>> {
  if (isTooDeep(given)) {
    throw invalid(`the input is nested more than ${MAX_JSON_DEPTH} deep`, { allowed: MAX_JSON_DEPTH });
  }
  const text = JSON.stringify(given);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_INPUT_BYTES) {
    const message = `the input is ${bytes} bytes of JSON; ${MAX_INPUT_BYTES} are allowed`;
    throw new DcsError("SAGA_INPUT_INVALID", message, {
      hint: "keep what is large elsewhere, and give its address or id as the input",
      details: { value: bytes, allowed: MAX_INPUT_BYTES },
    });
  }
  return JSON.parse(text) as Readonly<Record<string, Json>>;
}

function allowed(type: InputSpec["type"]): string {
  return type === "any" ? "given" : `a ${type}`;
}

function seen(value: unknown): string {
  return shortened(JSON.stringify(value) ?? String(value), 60);
}

function invalid(message: string, details: Readonly<Record<string, unknown>>): DcsError {
  return new DcsError("SAGA_INPUT_INVALID", message, { details });
}
