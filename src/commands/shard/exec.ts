import { string as stringArg } from "@oclif/core/args";
import { boolean, string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { durationFlag } from "../../cli/flags.ts";
import { keyspaceFlag } from "../../cli/shard/keyspace-flag.ts";

export default class ShardExec extends DcsCommand {
  static override summary = "Run one SQL statement on the shard that has a key";
  static override description =
    `Goes through the same router as applications: refused by a shard that has the bucket no more, it reads the map again and goes to
the new owner; a bucket that is changing hands is waited for. Parameters are texts, which the server turns into what the column is.
What was lost after its COMMIT was sent is not tried again: SHARD_OUTCOME_UNKNOWN.`;
  static override examples = [
    `<%= config.bin %> shard exec --key 4711 'SELECT * FROM orders WHERE tenant_id = ?' --param 4711`,
    "<%= config.bin %> shard exec --key acme --strict --json - < query.sql",
  ];
  static override exits = [3, 4, 5, 6, 130, 143];
  static override args = {
    sql: stringArg({
      ignoreStdin: true,
      required: true,
      description: "The statement; - reads it from stdin",
    }),
  };
  static override flags = {
    ...keyspaceFlag,
    key: string({
      required: true,
      helpValue: "KEY",
      summary: "The shard key's value, as it stands in the column",
    }),
    param: string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "VALUE",
      summary: "Stands for the next ? of the statement; several times",
    }),
    strict: boolean({ summary: "Make sure, with a lock, that the bucket is here while it is read" }),
    wait: durationFlag({ summary: "How long to try again what was refused (10s)" }),
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(ShardExec);
    const { execStatement } = await import("../../cli/shard/exec.ts");
    const { keyspace, key, param: params = [], strict, wait: waitMs = 10_000 } = flags;
    await execStatement(
      { keyspace, key, sql: args.sql, params, strict, waitMs },
      { store: await this.store(), settings: await this.settings(), out: this.out, signal: this.signal },
    );
  }
}
