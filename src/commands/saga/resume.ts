import { DcsCommand } from "../../cli/base-command.ts";
import { goOnFlags, reasonFlag, runArg } from "../../cli/saga/operator-flags.ts";

export default class SagaResume extends DcsCommand {
  static override summary = "Let a run go on: one that is parked, or one whose worker is gone";
  static override description =
    `A parked run gets fresh budgets and tries again what it was parked for. Executes it here unless somebody else does, then looks on
until it ends; --detach leaves it to the workers. Exit 0 completed, 9 undone, 8 parked again or not over within --wait.`;
  static override examples = [
    "<%= config.bin %> saga resume 261123-0845 --reason 'the payment service is back'",
    "<%= config.bin %> saga resume 261123-0845 --reason 'its worker is gone' --wait 1m --json",
  ];
  static override exits = [3, 4, 5, 6, 8, 9];
  static override args = { run: runArg };
  static override flags = { reason: reasonFlag, ...goOnFlags };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(SagaResume);
    const { runResume } = await import("../../cli/saga/resume.ts");
    const { out, signal } = this;
    await runResume(args.run, flags, {
      settings: await this.settings(),
      out,
      signal,
      store: () => this.store(),
    });
  }
}
