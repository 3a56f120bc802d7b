import { DcsCommand } from "../../cli/base-command.ts";
import { integerFlag } from "../../cli/flags.ts";
import { historyTable } from "../../cli/shard/history-table.ts";
import { keyspaceFlag, openShards } from "../../cli/shard/keyspace-flag.ts";

export default class ShardHistory extends DcsCommand {
  static override summary =
    "Show the moves that ended, newest first: who, what, how long, how long writes waited";
  static override description =
    "Kept in the store. -o wide and --json have the predicted pause and the checksums as well.";
  static override examples = [
    "<%= config.bin %> shard history",
    "<%= config.bin %> shard history --limit 500 --json",
  ];
  static override exits = [4, 5, 6];
  static override flags = {
    ...keyspaceFlag,
    limit: integerFlag({ min: 1, max: 10_000, default: 50, summary: "Most moves to show" }),
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(ShardHistory);
    const { shards, keyspace } = await openShards(await this.store(), flags.keyspace);
    // Says so when there is no such keyspace.
    await shards.keyspace();
    const moves = await shards.history(flags.limit);
    const told = moves.map((move) => ({ ...move, at: new Date(move.at).toISOString() }));
    this.out.result(
      "shard.history",
      { keyspace, moves: told },
      {
        table: () => historyTable(moves, false),
        wide: () => historyTable(moves, true),
        names: () => moves.map(({ bucket }) => String(bucket)),
      },
    );
  }
}
