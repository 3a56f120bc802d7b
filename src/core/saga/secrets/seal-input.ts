import type { Definition } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import { isSealed, keyMissing, type Sealer } from "./sealer.ts";

type Inputs = Readonly<Record<string, Json>>;

/** The names of the inputs that the definition calls secret. */
function secretNames({ input }: Definition): readonly string[] {
  return Object.entries(input ?? {}).flatMap(([name, { secret }]) => (secret ? [name] : []));
}

/**
 * A checked input as it may be written down: what is secret is sealed; what is sealed already stays. CONFIG_INVALID when there
 * is something to seal and no key.
 */
export function sealInput(definition: Definition, input: Inputs, sealer: Sealer | null): Inputs {
  const names = secretNames(definition).filter((name) => name in input && !isSealed(input[name]));
  if (names.length === 0) return input;
  if (sealer === null) throw keyMissing(names, "it could not be written down safely");
  const sealed = names.map((name) => [name, sealer.seal(input[name] ?? null, placeOf(definition, name))]);
  return { ...input, ...(Object.fromEntries(sealed) as Inputs) };
}

/** The input of a run in the clear. CONFIG_INVALID without the key it was sealed with, JOURNAL_CORRUPT when it was changed. */
export function openInput(definition: Definition, input: Json, sealer: Sealer | null): Inputs {
  const inputs = asInputs(input);
  const names = secretNames(definition).filter((name) => isSealed(inputs[name]));
  if (names.length === 0) return inputs;
  if (sealer === null) throw keyMissing(names, "it cannot be read");
  const opened = names.map((name) => {
    const value = inputs[name];
    return [name, isSealed(value) ? sealer.open(value, placeOf(definition, name)) : null];
  });
  return { ...inputs, ...(Object.fromEntries(opened) as Inputs) };
}

/** The secret values of an opened input. */
export function secretsOf(definition: Definition, opened: Inputs): readonly Json[] {
  return secretNames(definition).flatMap((name) => opened[name] ?? []);
}

/** The input with a mark in place of each secret, that changes when the secret does. */
export function markedInput(definition: Definition, opened: Inputs, sealer: Sealer | null): Inputs {
  const marks = secretNames(definition)
    .filter((name) => name in opened)
    .map((name) => {
      const mark = sealer?.mark(opened[name] ?? null, placeOf(definition, name)) ?? "secret";
      return [name, `{${mark}}`];
    });
  return { ...opened, ...(Object.fromEntries(marks) as Inputs) };
}

/** An input that is no object has no names that an expression could read. */
function asInputs(input: Json): Inputs {
  return typeof input === "object" && input !== null && !Array.isArray(input) ? (input as Inputs) : {};
}

function placeOf({ saga }: Definition, name: string): string {
  return `input ${name} of saga ${saga}`;
}
