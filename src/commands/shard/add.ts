import { string as stringArg } from "@oclif/core/args";
import { boolean, custom, string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { keyspaceFlag } from "../../cli/shard/keyspace-flag.ts";
import { DcsError } from "../../core/errors.ts";

const weightFlag = custom<number>({
  helpValue: "N",
  parse: async (input) => {
    const weight = Number(input);
    if (input.trim() !== "" && Number.isFinite(weight) && weight > 0) return weight;
    throw new DcsError("USAGE", `--weight: "${input}" is not a number above 0`, {
      hint: "2 takes twice the share of a shard with 1",
      details: { flag: "--weight", value: input, allowed: "a number above 0" },
    });
  },
});

export default class ShardAdd extends DcsCommand {
  static override summary = "Give a keyspace one more shard";
  static override description =
    `The shard begins without buckets: dcs shard rebalance moves some there. Its tables must be empty; those that it lacks are made as
another shard has them.`;
  static override examples = [
    "<%= config.bin %> shard add c=mysql://dcs@db3/shop",
    `<%= config.bin %> shard add 'c=mysql://dcs:\${DB_PASSWORD}@db3/shop' --weight 2 --zone b --dry-run`,
  ];
  static override exits = [3, 4, 5, 6, 130, 143];
  static override args = {
    shard: stringArg({
      ignoreStdin: true,
      required: true,
      description: `NAME=URL: its name, and its database; \${VAR} in the URL is read where dcs runs`,
    }),
  };
  static override flags = {
    ...keyspaceFlag,
    weight: weightFlag({ summary: "Its share of the keyspace beside those of the others (1)" }),
    zone: string({ helpValue: "NAME", summary: "Where it stands" }),
    "dry-run": boolean({ summary: "Look at everything, print the statements, and run none" }),
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(ShardAdd);
    const { runAdd } = await import("../../cli/shard/add.ts");
    const { keyspace, weight, zone, "dry-run": dryRun } = flags;
    await runAdd(
      { keyspace, shard: args.shard, weight, zone, dryRun },
      { settings: await this.settings(), out: this.out, signal: this.signal, store: await this.store() },
    );
  }
}
