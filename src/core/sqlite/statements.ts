import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Prepared statements, each made when it is first used: a start-up needs only a few of them. */
export class Statements<Name extends string> {
  readonly #db: DatabaseSync;
  readonly #texts: Readonly<Record<Name, string>>;
  readonly #prepared = new Map<Name, StatementSync>();

  constructor(db: DatabaseSync, texts: Readonly<Record<Name, string>>) {
    this.#db = db;
    this.#texts = texts;
  }

  get(name: Name): StatementSync {
    let statement = this.#prepared.get(name);
    if (statement === undefined) {
      statement = this.#db.prepare(this.#texts[name]);
      this.#prepared.set(name, statement);
    }
    return statement;
  }
}
