import { DcsCommand } from "../../cli/base-command.ts";
import { turnArgs, turnFlags } from "../../cli/shard/move-flags.ts";

export default class ShardAbort extends DcsCommand {
  static override summary = "Take moves back that are under way, or close their reverse window";
  static override description =
    `Of all moves unless buckets are named. Shows what would be done and asks for a yes. A bucket that has its new owner already is past that
(exit 3): finish it, then move it back. After a flip with --reverse-window this closes the window: the bucket stays where it is now. Exit
status 9 when the moves were taken back.`;
  static override examples = [
    "<%= config.bin %> shard abort 17 --yes",
    "<%= config.bin %> shard abort --dry-run --out plan.json && <%= config.bin %> shard abort --plan plan.json",
  ];
  static override strict = false;
  static override stays = "!dry-run";
  static override exits = [3, 4, 5, 6, 7, 8, 9, 130, 143];
  static override args = turnArgs;
  static override flags = turnFlags;

  protected async execute(): Promise<void> {
    const { argv, flags } = await this.parse(ShardAbort);
    const { turnMoves } = await import("../../cli/shard/turn-moves.ts");
    const settings = await this.settings();
    const places = { settings, out: this.out, signal: this.signal, store: await this.store() };
    await turnMoves("abort", argv.map(String), flags, places);
  }
}
