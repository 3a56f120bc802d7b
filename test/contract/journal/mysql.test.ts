import { afterAll, beforeAll } from "vitest";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { mysqlHarness } from "../../support/mysql-journal.ts";
import { journalContract } from "./journal-contract.ts";

let server: MariaDb;

beforeAll(async () => {
  server = await startMariaDb();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

journalContract("MariaDB", () => mysqlHarness(server));
