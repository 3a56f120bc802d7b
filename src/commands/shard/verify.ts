import { string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { keyspaceFlag } from "../../cli/shard/keyspace-flag.ts";

export default class ShardVerify extends DcsCommand {
  static override summary = "Look whether every row is where the map says, and every bucket open there only";
  static override description =
    `Counts the rows of each bucket on every server and compares that, and what each server says of each bucket, with the map; looks at
tables, triggers and settings; compares both sides of a move row by row once its copy is complete. Applications and moves may go on.
--sums writes rows and digests of every bucket to a file; --against says what is not as it was then, wherever the buckets are now: for a keyspace
in which nobody writes meanwhile. Changes nothing. Exit status 99 when something does not fit.`;
  static override examples = [
    "<%= config.bin %> shard verify",
    "<%= config.bin %> shard verify --sums before.json",
    "<%= config.bin %> shard verify --against before.json --json",
  ];
  static override exits = [3, 4, 5, 6, 99, 130, 143];
  static override flags = {
    ...keyspaceFlag,
    sums: string({ helpValue: "FILE", summary: "Write rows and digests of every bucket to a file" }),
    against: string({ helpValue: "FILE", summary: "Compare them with those of a file of --sums" }),
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(ShardVerify);
    const { runVerify } = await import("../../cli/shard/verify.ts");
    const settings = await this.settings();
    const places = { settings, out: this.out, signal: this.signal, store: await this.store() };
    await runVerify(flags, places);
  }
}
