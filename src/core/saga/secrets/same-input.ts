import { isDeepStrictEqual } from "node:util";
import type { Definition } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import { openInput } from "./seal-input.ts";
import type { Sealer } from "./sealer.ts";

/** Whether two inputs say the same, sealed or not; null where that cannot be told, for lack of the key of one. */
export function sameInput(definition: Definition, a: Json, b: Json, sealer: Sealer | null): boolean | null {
  try {
    return isDeepStrictEqual(openInput(definition, a, sealer), openInput(definition, b, sealer));
  } catch {
    return null;
  }
}
