import { string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { planFlags } from "../../cli/plan.ts";
import { keyspaceFlag } from "../../cli/shard/keyspace-flag.ts";

export default class ShardUninstall extends DcsCommand {
  static override summary = "Take a keyspace away: triggers, columns, tables and keys of dcs";
  static override description =
    `Rows stay where they are. Refused while buckets move. The store forgets the keyspace first, then each server is cleaned; where
that fails half-way, or an init or add was interrupted, name the servers that are left with --shard.`;
  static override examples = [
    "<%= config.bin %> shard uninstall --keyspace shop --dry-run",
    "<%= config.bin %> shard uninstall --keyspace shop --yes",
    "<%= config.bin %> shard uninstall --keyspace shop --shard b=mysql://dcs@db2/shop --yes",
  ];
  static override exits = [3, 4, 5, 6, 7, 130, 143];
  static override flags = {
    ...keyspaceFlag,
    shard: string({
      multiple: true,
      helpValue: "NAME=URL",
      summary: "Only this server, of which the store does not know (any more, or yet); several times",
    }),
    ...planFlags,
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(ShardUninstall);
    const { runUninstall } = await import("../../cli/shard/uninstall.ts");
    await runUninstall(
      { keyspace: flags.keyspace, shards: flags.shard ?? [], plan: flags.plan, flags },
      { settings: await this.settings(), out: this.out, signal: this.signal, store: await this.store() },
    );
  }
}
