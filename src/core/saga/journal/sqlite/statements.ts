import type { Statements } from "../../../sqlite/statements.ts";
import type { SQL } from "./statements.generated.ts";

export type JournalStatements = Statements<keyof typeof SQL>;
