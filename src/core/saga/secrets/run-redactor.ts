import type { Definition } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import type { ProcessSecrets } from "./process-secrets.ts";
import { Redactor } from "./redactor.ts";
import { openInput, secretsOf } from "./seal-input.ts";

/** Hides the secrets of a run that this process can know: its `secrets`, and the sealed inputs where it has their key. */
export function runRedactor(
  definition: Definition,
  input: Json,
  { sealer, values }: ProcessSecrets,
): Redactor {
  const known = Object.values(values);
  try {
    return new Redactor([...known, ...secretsOf(definition, openInput(definition, input, sealer))]);
  } catch {
    // Without the key nobody here knows them.
    return new Redactor(known);
  }
}
