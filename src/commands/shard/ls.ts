import { string as stringArg } from "@oclif/core/args";
import { string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { DcsError } from "../../core/errors.ts";

export default class ShardLs extends DcsCommand {
  static override summary = "List the keyspaces, or the shards of one";
  static override description =
    `Of each shard: its state, how many buckets it has and what share of all that is, what share its weight asks for, and how many buckets
are on their way to it and from it. -o wide adds zone and URL. The servers are not asked: dcs shard verify does that.`;
  static override examples = ["<%= config.bin %> shard ls", "<%= config.bin %> shard ls shop -o wide"];
  static override exits = [4, 5, 6];
  static override args = {
    keyspace: stringArg({ ignoreStdin: true, description: "The keyspace whose shards to list" }),
  };
  static override flags = {
    keyspace: string({ char: "k", helpValue: "NAME", summary: "The same as the argument" }),
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(ShardLs);
    const keyspace = args.keyspace ?? flags.keyspace;
    if (flags.keyspace !== undefined && flags.keyspace !== keyspace) {
      throw new DcsError("USAGE", `KEYSPACE is ${keyspace}, and --keyspace ${flags.keyspace}: name one`);
    }
    const { listKeyspaces, listShards } = await import("../../cli/shard/list.ts");
    const places = { store: await this.store(), out: this.out };
    if (keyspace === undefined) await listKeyspaces(places);
    else await listShards(keyspace, places);
  }
}
