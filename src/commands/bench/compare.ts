import { string } from "@oclif/core/args";
import { DcsCommand } from "../../cli/base-command.ts";
import { loadFlags, requestFlags, verdictFlags } from "../../cli/bench/bench-flags.ts";

export default class BenchCompare extends DcsCommand {
  static override summary = "Is B slower than A? Two targets measured in turns, or two files of saved runs";
  static override description =
    `The runs are what is compared, not the requests: a difference must be larger than what two runs of the same target differ by.
Targets are measured in turns (ABBA), 10 runs of 5s each unless told otherwise. Judged are p50, p99, rate and errors (in max mode rate
and errors), by the test of Mann and Whitney with Holm's correction; a change below --min-effect does not matter. Exit status 0 when B
is no worse, 99 when it is, 98 when that cannot be said: too few runs, too much noise, other engines or machines.`;
  static override examples = [
    "<%= config.bin %> bench compare http://127.0.0.1:8080/ http://127.0.0.1:8081/ --rate 200",
    "<%= config.bin %> bench http://127.0.0.1:8080/ --rate 200 --runs 10 --save before.json",
    "<%= config.bin %> bench compare before.json after.json",
  ];
  static override exits = [4, 5, 6, 98, 99, 130, 143];
  static override args = {
    a: string({ required: true, ignoreStdin: true, description: "The base: a target, or a file of --save" }),
    b: string({ required: true, ignoreStdin: true, description: "What is judged: as A" }),
  };
  static override flags = {
    ...loadFlags,
    ...requestFlags,
    runs: verdictFlags.runs,
    "min-effect": verdictFlags["min-effect"],
    report: verdictFlags.report,
    junit: verdictFlags.junit,
  };

  protected async execute(): Promise<number> {
    const { args, flags } = await this.parse(BenchCompare);
    const { compareBench } = await import("../../cli/bench/compare.ts");
    return compareBench([args.a, args.b], flags, {
      ...{ out: this.out, signal: this.signal, version: this.config.version },
      settings: () => this.settings(),
      store: () => this.store(),
    });
  }
}
