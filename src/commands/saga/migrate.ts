import { boolean } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";

export default class SagaMigrate extends DcsCommand {
  static override summary = "Make the tables of the journal in a database, or bring them up to date";
  static override description =
    `Once for each database, before the first saga. Two at once wait for each other; one that was interrupted can be run again.
An embedded journal makes its tables by itself. The user needs CREATE, INDEX, SELECT, INSERT and UPDATE here; to run sagas
SELECT, INSERT, UPDATE and DELETE.`;
  static override examples = [
    "<%= config.bin %> saga migrate --journal mysql://dcs@db.internal/dcs",
    "<%= config.bin %> saga migrate --dry-run > journal.sql",
  ];
  static override exits = [2, 3, 4, 5];
  static override flags = {
    "dry-run": boolean({ summary: "Print the statements, and run none" }),
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(SagaMigrate);
    const settings = await this.settings();
    const { migrateJournal } = await import("../../core/saga/journal/migrate-journal.ts");
    const migration = await migrateJournal(settings.journal.value, {
      timeoutMs: settings.timeoutMs.value,
      dryRun: flags["dry-run"],
    });
    const { from, to, statements } = migration;
    const isDone = statements.length === 0;
    this.out.result(
      "saga.migrate",
      { ...migration, dryRun: flags["dry-run"] },
      {
        lines: () => {
          if (flags["dry-run"]) return statements.map((statement) => `${statement};`);
          if (isDone) return [`${migration.url} has layout ${to} already`];
          return [`${migration.url} has layout ${to} now${from === 0 ? "" : `, it had ${from}`}`];
        },
        names: () => [migration.url],
      },
    );
  }
}
