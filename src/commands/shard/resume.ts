import { string } from "@oclif/core/args";
import { boolean } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { keyspaceFlag } from "../../cli/shard/keyspace-flag.ts";
import { moveFlags } from "../../cli/shard/move-flags.ts";

export default class ShardResume extends DcsCommand {
  static override summary = "Go on with moves whose process is gone";
  static override description =
    `With all of them unless buckets are named. Each is taken over from whoever had it, which ends what that one may still have in
flight, and goes on where it stands: nothing is copied twice that need not be. Exit statuses as of rebalance.`;
  static override examples = ["<%= config.bin %> shard resume", "<%= config.bin %> shard resume 17 --force"];
  static override strict = false;
  static override stays = true;
  static override exits = [3, 4, 5, 6, 7, 8, 9, 130, 143];
  static override args = {
    bucket: string({ ignoreStdin: true, description: "Buckets; all of them unless given" }),
  };
  static override flags = {
    ...keyspaceFlag,
    force: boolean({ summary: "Take them also from a process that lives" }),
    ...moveFlags,
  };

  protected async execute(): Promise<void> {
    const { argv, flags } = await this.parse(ShardResume);
    const { resumeMoves } = await import("../../cli/shard/turn-moves.ts");
    const settings = await this.settings();
    const places = { settings, out: this.out, signal: this.signal, store: await this.store() };
    await resumeMoves(argv.map(String), flags, places);
  }
}
