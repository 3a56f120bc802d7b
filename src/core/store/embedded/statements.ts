import type { Statements } from "../../sqlite/statements.ts";
import type { SQL } from "./statements.generated.ts";

export type StoreStatements = Statements<keyof typeof SQL>;
