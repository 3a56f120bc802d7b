import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import { type MariaDb, startMariaDb } from "../support/mariadb.ts";
import { newDatabase } from "../support/mysql-journal.ts";

let server: MariaDb;

beforeAll(async () => {
  server = await startMariaDb();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

describe("dcs saga migrate", () => {
  it("shows the statements, runs them, and has nothing to do afterwards", async () => {
    const url = await newDatabase(server, { migrated: false });
    const name = new URL(url).pathname.slice(1);
    const migrate = (...args: readonly string[]) => runDcs(["saga", "migrate", "--journal", url, ...args]);
    const shown = await migrate("--dry-run");
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(await server.run(`SHOW TABLES IN ${name}`)).toBe("");
    // What is shown is what would be run.
    await server.run(`USE ${name}; ${shown.stdout}`);
    expect((await migrate("--json")).json()).toMatchObject({ data: { from: 1, to: 1, statements: [] } });
    await server.run(`DROP DATABASE ${name}; CREATE DATABASE ${name}`);
    expect((await migrate()).stdout).toBe(`${url} has layout 1 now\n`);
    expect((await migrate()).stdout).toBe(`${url} has layout 1 already\n`);
  });

  it("says what needs none, and what cannot be reached", async () => {
    const embedded = await runDcs(["saga", "migrate", "--journal", "embedded:", "--json"]);
    expect(embedded).toMatchObject({ code: 2 });
    expect(embedded.json()).toMatchObject({ error: { code: "URL_INVALID" } });
    const down = await runDcs([
      "saga",
      "migrate",
      "--journal",
      "mysql://dcs:geheim@127.0.0.1:1/dcs",
      "--debug",
    ]);
    expect(down).toMatchObject({ code: 5 });
    expect(down.stderr).toContain("JOURNAL_UNREACHABLE");
    expect(down.stderr).not.toContain("geheim");
  });
});
