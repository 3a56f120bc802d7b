import { string } from "@oclif/core/args";
import { DcsCommand } from "../../cli/base-command.ts";
import { leaseFlag } from "../../cli/saga/lease-flag.ts";
import { openSagas } from "../../cli/saga/open-sagas.ts";
import { reportRun } from "../../cli/saga/report-run.ts";
import { newRunFlags, readNewRun, runWaitFlag } from "../../cli/saga/run-flags.ts";
import { tellExit } from "../../cli/saga/tell-exit.ts";
import { tellSteps, tellStop } from "../../cli/saga/tell-steps.ts";
import { warnOtherRun } from "../../cli/saga/warn-other-run.ts";

export default class SagaRun extends DcsCommand {
  static override summary = "Begin a run of a saga, and execute it here to its end";
  static override description =
    `Every step is written down before it is made, so that kill -9, a crash or Ctrl-C leave a run that goes on: a worker takes it up
when the lease is over, or \`dcs saga resume\`. Exit 0 completed, 9 undone, 8 parked or not over yet.`;
  static override examples = [
    "<%= config.bin %> saga run create-order.yaml --input sku=book --input amount=30",
    "<%= config.bin %> saga run create-order.yaml --input-file order.json --key order-4711 --wait 1m --json",
  ];
  static override exits = [3, 4, 5, 8, 9];
  static override args = {
    file: string({ required: true, ignoreStdin: true, description: "The saga's file" }),
  };
  static override flags = { ...newRunFlags, wait: runWaitFlag, lease: leaseFlag };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(SagaRun);
    const { read, parts } = await readNewRun(args.file, flags, this.out);
    const settings = await this.settings();
    await using opened = await openSagas({ settings, store: () => this.store(), leaseMs: flags.lease });
    tellExit(this.out);
    tellStop(this.out, this.signal);
    const followed = await opened.sagas.run(read, parts, {
      signal: this.signal,
      waitMs: flags.wait,
      onStep: tellSteps(this.out),
    });
    warnOtherRun(followed.record, read, parts, { out: this.out, secrets: opened.secrets });
    await reportRun("saga.run", followed, {
      sagas: opened.sagas,
      settings,
      out: this.out,
      signal: this.signal,
    });
  }
}
