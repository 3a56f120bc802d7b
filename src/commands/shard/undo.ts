import { DcsCommand } from "../../cli/base-command.ts";
import { turnArgs, turnFlags } from "../../cli/shard/move-flags.ts";

export default class ShardUndo extends DcsCommand {
  static override summary = "Move buckets back whose reverse window is open";
  static override description =
    `Of all moves with an open window unless buckets are named. Shows what would be done and asks for a yes. The old owner is up to date, so
nothing is copied: only a cut, as of any move. Without a window a bucket is moved back by a new plan.
Exit status 9 when it is back.`;
  static override examples = [
    "<%= config.bin %> shard undo 17 --yes",
    "<%= config.bin %> shard undo --dry-run --out plan.json && <%= config.bin %> shard undo --plan plan.json",
  ];
  static override strict = false;
  static override stays = "!dry-run";
  static override exits = [3, 4, 5, 6, 7, 8, 9, 130, 143];
  static override args = turnArgs;
  static override flags = turnFlags;

  protected async execute(): Promise<void> {
    const { argv, flags } = await this.parse(ShardUndo);
    const { turnMoves } = await import("../../cli/shard/turn-moves.ts");
    const settings = await this.settings();
    const places = { settings, out: this.out, signal: this.signal, store: await this.store() };
    await turnMoves("undo", argv.map(String), flags, places);
  }
}
