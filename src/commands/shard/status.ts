import { DcsCommand } from "../../cli/base-command.ts";
import { keyspaceFlag, openShards, resumeCommand } from "../../cli/shard/keyspace-flag.ts";
import { moveData, statusLines } from "../../cli/shard/status-lines.ts";
import { moveStatus } from "../../core/shard/operate/move-status.ts";

export default class ShardStatus extends DcsCommand {
  static override summary = "Show which buckets are on their way, how far, and in whose hands";
  static override description =
    `Asks the store only. A move whose runner is gone goes on with shard resume. Clean-up after a move waits for every router that lives
to say that it has the new map.`;
  static override examples = ["<%= config.bin %> shard status", "<%= config.bin %> shard status --json"];
  static override exits = [4, 5, 6];
  static override flags = { ...keyspaceFlag };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(ShardStatus);
    const { shards } = await openShards(await this.store(), flags.keyspace);
    const status = await moveStatus(shards);
    const resume = resumeCommand(await this.settings(), flags.keyspace);
    this.out.result(
      "shard.status",
      { ...status, moves: status.moves.map(moveData) },
      {
        lines: () => statusLines(status, Date.now(), resume),
        names: () => status.moves.map(({ record }) => String(record.bucket)),
      },
    );
  }
}
