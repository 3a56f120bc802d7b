import { checkInput } from "../definition/check-input.ts";
import type { Definition } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import { processSecrets } from "./process-secrets.ts";
import { sealInput } from "./seal-input.ts";

/**
 * The input as a run keeps it: checked against the definition, defaults filled in, secrets sealed. SAGA_INPUT_INVALID;
 * CONFIG_INVALID where a secret is given and there is no DCS_SAGA_KEY to seal it with.
 */
export function prepareInput(
  definition: Definition,
  input: Readonly<Record<string, Json>>,
  env: Readonly<NodeJS.ProcessEnv>,
): Json {
  return sealInput(definition, checkInput(definition, input), processSecrets(env).sealer);
}
