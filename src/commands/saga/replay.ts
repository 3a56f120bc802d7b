import { boolean, string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { plannedRunArg, verbFlags } from "../../cli/saga/operator-flags.ts";

/** A plan says all of these. */
const NOT_WITH_PLAN = { exclusive: ["plan"] };

export default class SagaReplay extends DcsCommand {
  static override summary = "Do a run once more: what was undone, what failed, or all from one step on";
  static override description =
    `Shows of every step whether it is taken over, done anew, found out, undone or blocked, why, under which key, and the request with
secrets taken out; then asks for a yes. A run that has ended is continued by a new run, a parked one goes on as itself. No key is sent
again after its compensation was begun. A step whose effect stands is not done again unless it is undone first, or --new-key.`;
  static override examples = [
    "<%= config.bin %> saga replay 261123-0845 --dry-run",
    "<%= config.bin %> saga replay 261123-0845 --from deduct-payment --dry-run --out plan.json && <%= config.bin %> saga replay --plan plan.json --reason 'ticket 12'",
    "<%= config.bin %> saga replay 261123-0845 --input amount=31 --reason 'wrong amount' --yes",
  ];
  static override exits = [3, 4, 5, 6, 8, 9];
  static override args = { run: plannedRunArg };
  static override flags = {
    from: string({ ...NOT_WITH_PLAN, helpValue: "STEP", summary: "Do this step and all behind it anew" }),
    input: string({
      ...NOT_WITH_PLAN,
      char: "i",
      multiple: true,
      helpValue: "NAME=VALUE",
      summary: "Another value in the input",
    }),
    "new-key": boolean({
      ...NOT_WITH_PLAN,
      summary: "Let effects that stand count no more, and do those steps again under new keys",
    }),
    definition: string({
      ...NOT_WITH_PLAN,
      helpValue: "FILE",
      summary: "Go on with this definition instead of its own",
    }),
    ...verbFlags,
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(SagaReplay);
    const [{ runVerb }, { replayVerb }] = await Promise.all([
      import("../../cli/saga/run-verb.ts"),
      import("../../cli/saga/replay-verb.ts"),
    ]);
    const { from, input, reason, definition } = flags;
    const { out, signal } = this;
    const verb = replayVerb({ from, input, newKey: flags["new-key"] === true, definition, reason });
    const places = { settings: await this.settings(), out, signal, store: () => this.store() };
    await runVerb(verb, args.run, flags, places);
  }
}
