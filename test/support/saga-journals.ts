import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMariaDb } from "./mariadb.ts";
import { newDatabase } from "./mysql-journal.ts";

/** A real journal of a test's own. */
export interface TestJournal extends AsyncDisposable {
  readonly url: string;
}

/** Every engine a journal runs on. */
export const JOURNALS: readonly { readonly name: string; readonly open: () => Promise<TestJournal> }[] = [
  { name: "SQLite", open: openFile },
  { name: "MariaDB", open: openServer },
];

async function openFile(): Promise<TestJournal> {
  const directory = mkdtempSync(join(tmpdir(), "dcs-test-"));
  return {
    url: `embedded:${directory}/journal.db`,
    [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function openServer(): Promise<TestJournal> {
  const server = await startMariaDb();
  return { url: await newDatabase(server), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
