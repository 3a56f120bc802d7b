import type { Definition } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import { processSecrets } from "./process-secrets.ts";
import { sealInput } from "./seal-input.ts";

export function prepareInput(
  definition: Definition,
  input: Record<string, Json>,
  env: Readonly<NodeJS.ProcessEnv>,
): Json {
  return sealInput(definition, input, processSecrets(env).sealer);
}
