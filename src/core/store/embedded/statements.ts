import type { DatabaseSync, StatementSync } from "node:sqlite";
import { SQL } from "./statements.generated.ts";

export type StatementName = Exclude<keyof typeof SQL, "schema">;

/** Prepared statements, each made when it is first used: a start-up needs only a few of them. */
export class Statements {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<StatementName, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get(name: StatementName): StatementSync {
    let statement = this.#prepared.get(name);
    if (statement === undefined) {
      statement = this.#db.prepare(SQL[name]);
      this.#prepared.set(name, statement);
    }
    return statement;
  }
}

export { SQL };
