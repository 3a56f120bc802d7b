import { string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { keyspaceFlag } from "../../cli/shard/keyspace-flag.ts";
import { planningFlags, speedFlags } from "../../cli/shard/move-flags.ts";

export default class ShardPlan extends DcsCommand {
  static override summary = "Show which buckets would even the shards out, and what that takes";
  static override description =
    `The fewest moves that give each shard its share by weight, and a draining one nothing. Shows buckets, rows and size of each shard
before and after, how long it takes, and how long writes to a bucket will wait at its cut. Rows are counted on the servers; sizes are as
they estimate them. Changes nothing. --out writes the plan for rebalance --plan, which refuses it once the map has changed.`;
  static override examples = [
    "<%= config.bin %> shard plan",
    "<%= config.bin %> shard plan --by bytes --max-moves 10 --out plan.json && <%= config.bin %> shard rebalance --plan plan.json",
  ];
  static override exits = [3, 4, 5, 6];
  static override flags = {
    ...keyspaceFlag,
    ...planningFlags,
    ...speedFlags,
    out: string({ helpValue: "FILE", summary: "Write the plan to a file, for rebalance --plan" }),
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(ShardPlan);
    const { showPlan } = await import("../../cli/shard/show-plan.ts");
    const settings = await this.settings();
    await showPlan(flags, { settings, out: this.out, signal: this.signal, store: await this.store() });
  }
}
