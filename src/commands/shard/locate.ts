import { string as stringArg } from "@oclif/core/args";
import { boolean } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { keyspaceFlag } from "../../cli/shard/keyspace-flag.ts";

export default class ShardLocate extends DcsCommand {
  static override summary = "Say which shard has a key";
  static override description =
    `The bucket of a key is CRC32 of its text modulo the number of buckets, as MySQL's CRC32() and zlib count it; the map in the store
says which shard has the bucket, and since which of its moves. With --check every shard is asked what its row of the bucket says: it can
be written where that is owned or moving.`;
  static override examples = [
    "<%= config.bin %> shard locate 4711",
    "<%= config.bin %> shard locate acme --check --json",
    "mysql -h $(<%= config.bin %> shard locate acme -o name)",
  ];
  static override exits = [4, 5, 6];
  static override args = {
    key: stringArg({
      ignoreStdin: true,
      required: true,
      description: "The shard key's value, as it stands in the column",
    }),
  };
  static override flags = {
    ...keyspaceFlag,
    check: boolean({ summary: "Ask the servers too" }),
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(ShardLocate);
    const { tellPlace } = await import("../../cli/shard/locate.ts");
    await tellPlace(
      { keyspace: flags.keyspace, key: args.key, check: flags.check },
      { store: await this.store(), settings: await this.settings(), out: this.out },
    );
  }
}
