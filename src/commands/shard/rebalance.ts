import { DcsCommand } from "../../cli/base-command.ts";
import { positiveDurationFlag } from "../../cli/flags.ts";
import { planFlags } from "../../cli/plan.ts";
import { keyspaceFlag } from "../../cli/shard/keyspace-flag.ts";
import { moveFlags, planningFlags } from "../../cli/shard/move-flags.ts";

export default class ShardRebalance extends DcsCommand {
  static override summary = "Move buckets between shards until each has its share, while applications write";
  static override description =
    `Shows the plan and asks for a yes. Each bucket is copied, kept up to date, compared, and handed over in a short cut during which
writes to it wait; every other bucket goes on. Killed at any moment, it loses nothing, and shard resume goes on with it; Ctrl-C stops at
the next safe point. Exit status 0 when all was moved, or when there was nothing to move ("balanced"), 7 when some was, 8 when moves are
still under way, 9 when they were taken back.`;
  static override examples = [
    "<%= config.bin %> shard rebalance --yes",
    "<%= config.bin %> shard rebalance --by bytes --max-pause 100ms --max-rate 20000 --throttle-threads 20",
    "<%= config.bin %> shard rebalance --dry-run --out plan.json && <%= config.bin %> shard rebalance --plan plan.json",
  ];
  static override stays = "!dry-run";
  static override exits = [3, 4, 5, 6, 7, 8, 9, 130, 143];
  static override flags = {
    ...keyspaceFlag,
    by: planningFlags.by,
    "max-moves": planningFlags["max-moves"],
    ...moveFlags,
    "reverse-window": positiveDurationFlag({
      summary: "Keep the old owner up to date for so long after each cut, for shard undo",
    }),
    ...planFlags,
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(ShardRebalance);
    const { runRebalance } = await import("../../cli/shard/rebalance.ts");
    const settings = await this.settings();
    await runRebalance(flags, { settings, out: this.out, signal: this.signal, store: await this.store() });
  }
}
