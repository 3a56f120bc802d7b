import { string } from "@oclif/core/args";
import { string as stringFlag } from "@oclif/core/flags";
import { DcsCommand } from "../cli/base-command.ts";
import { loadFlags, requestFlags, verdictFlags } from "../cli/bench/bench-flags.ts";

export default class Bench extends DcsCommand {
  static override summary = "Put load on a URL or a service, and say what it takes, with a verdict";
  static override description =
    `Without --rate it sends as fast as answers come (max mode): how much can it take? With --rate or --stages it sends on a schedule
that waits for nobody, and times count from when a request was due: how long do users wait? TARGET is http://…, https://…,
service://NAME[@VERSION]/path (by the registry, with a row for each instance), grpc://HOST:PORT/pkg.Service/Method, redis://…,
etcd://…, mysql://… or lock:NAME. Verdict PASS (0), FAIL (99) when a threshold is broken, INVALID (98) when the numbers cannot be
trusted: the generator was late or busy, requests were dropped, the target was not warm. One request is sent before all others,
and is not counted. q or Ctrl-C ends it, and it still reports.`;
  static override examples = [
    "<%= config.bin %> bench http://127.0.0.1:8080/",
    "<%= config.bin %> bench http://127.0.0.1:8080/ --rate 500 --duration 30s --threshold 'p99<200ms' --threshold 'error_rate<0.5%'",
    "<%= config.bin %> bench service://orders@v2/health --rate 100 --report report.html --junit junit.xml",
    "<%= config.bin %> bench http://127.0.0.1:8080/ --find-max 'p99<50ms'",
    "<%= config.bin %> bench redis://127.0.0.1:6379 --op 'SET key:{n} value' --connections 32",
  ];
  static override exits = [4, 5, 6, 98, 99, 130, 143];
  static override args = {
    target: string({ required: true, ignoreStdin: true, description: "What is put under load" }),
  };
  static override flags = {
    ...loadFlags,
    ...requestFlags,
    ...verdictFlags,
    baseline: stringFlag({ helpValue: "FILE", summary: "Judge it against runs that --save wrote" }),
    save: stringFlag({ helpValue: "FILE", summary: "Write the runs, for --baseline and bench compare" }),
    "find-max": stringFlag({
      helpValue: "EXPR",
      summary: "Look for the highest rate at which this holds: 'p99<50ms'",
    }),
  };

  protected async execute(): Promise<number> {
    const { args, flags } = await this.parse(Bench);
    const { bench } = await import("../cli/bench/run.ts");
    return bench(args.target, flags, {
      ...{ out: this.out, signal: this.signal, version: this.config.version },
      settings: () => this.settings(),
      store: () => this.store(),
    });
  }
}
