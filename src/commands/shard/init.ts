import { string as stringArg } from "@oclif/core/args";
import { boolean, string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { integerFlag } from "../../cli/flags.ts";

export default class ShardInit extends DcsCommand {
  static override summary = "Make a keyspace of databases: adopt their tables, so that buckets can be moved";
  static override description =
    `Each table is spread by one column, the same key in all of them. One shard may have rows: it gets all buckets, and dcs shard
rebalance spreads them; where all are empty each gets its share. Tables that a shard lacks are made as the others have them. Each table
gets an invisible column dcs_bucket, an index and triggers. Applications may go on writing: the column is added with ALTER TABLE, which on
MariaDB copies the table once, with writers waiting (--virtual does not). Everything is looked at before anything is changed, and what
cannot be moved safely is refused in words. An interrupted init can be run again. The number of buckets is fixed for life.`;
  static override examples = [
    "<%= config.bin %> shard init shop --table orders:tenant_id --table items:tenant_id --shard a=mysql://dcs@db1/shop --shard b=mysql://dcs@db2/shop",
    `<%= config.bin %> shard init shop --table orders:tenant_id --shard 'a=mysql://dcs:\${DB_PASSWORD}@db1/shop' --dry-run`,
  ];
  static override exits = [3, 4, 5, 130, 143];
  static override args = {
    keyspace: stringArg({ ignoreStdin: true, required: true, description: "Name of the keyspace" }),
  };
  static override flags = {
    table: string({
      required: true,
      multiple: true,
      helpValue: "NAME:KEYCOLUMN",
      summary: "A table, and the column by which it is spread; several times",
    }),
    shard: string({
      required: true,
      multiple: true,
      helpValue: "NAME=URL",
      summary: `A shard and its database; \${VAR} in the URL is read where dcs runs; several times`,
    }),
    buckets: integerFlag({
      min: 2,
      max: 65_536,
      default: 4096,
      summary: "Number of buckets, a power of two",
    }),
    unique: string({
      multiple: true,
      helpValue: "TABLE.KEY",
      summary: "This unique key (PRIMARY for the primary one) never has the same value on two shards",
    }),
    virtual: boolean({ summary: "Add the bucket columns without copying tables (on MySQL it is always so)" }),
    "dry-run": boolean({ summary: "Look at everything, print the statements, and run none" }),
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(ShardInit);
    const { runInit } = await import("../../cli/shard/init.ts");
    const { table, shard, unique = [], buckets, virtual, "dry-run": dryRun } = flags;
    await runInit(
      { keyspace: args.keyspace, tables: table, shards: shard, unique, buckets, virtual, dryRun },
      { settings: await this.settings(), out: this.out, signal: this.signal, store: await this.store() },
    );
  }
}
