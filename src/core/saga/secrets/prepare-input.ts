import { checkInput } from "../definition/check-input.ts";
import type { Definition } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import { processSecrets } from "./process-secrets.ts";
import { sealInput } from "./seal-input.ts";

/** What a run is given, checked, completed and sealed. SAGA_INPUT_INVALID, CONFIG_INVALID without a key for what is secret. */
export function prepareInput(
  definition: Definition,
  input: Record<string, Json>,
  env: Readonly<NodeJS.ProcessEnv>,
): Json {
  return sealInput(definition, checkInput(definition, input), processSecrets(env).sealer);
}
