import { string } from "@oclif/core/args";
import { boolean, option, string as stringFlag } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { plannedRunArg, verbFlags } from "../../cli/saga/operator-flags.ts";

/** A plan says all of these. */
const NOT_WITH_PLAN = { exclusive: ["plan"] };

export default class SagaResolve extends DcsCommand {
  static override summary = "Say what became of a step whose outcome is not known";
  static override description =
    `\`dcs saga why RUN\` says which key to ask the service for. What is said here is believed: the run goes on as if the step was done, or
never was. With --as done, --result gives what later steps read of it. not-done is refused while an attempt may still arrive.`;
  static override examples = [
    `<%= config.bin %> saga resolve 261123-0845 deduct-payment --as done --evidence 'charge ch_81' --reason 'probe is down'`,
    `<%= config.bin %> saga resolve 261123-0845 ship --as not-done --evidence 'no parcel' --reason 'ticket 12' --yes`,
  ];
  static override exits = [3, 4, 5, 6, 8, 9];
  static override args = {
    run: plannedRunArg,
    step: string({ ignoreStdin: true, description: "Name of the step; needed unless --plan" }),
  };
  static override flags = {
    as: option({ ...NOT_WITH_PLAN, options: ["done", "not-done"], summary: "What became of it" })(),
    evidence: stringFlag({
      ...NOT_WITH_PLAN,
      helpValue: "TEXT",
      summary: "How that was found out: kept in the audit",
    }),
    result: stringFlag({
      ...NOT_WITH_PLAN,
      helpValue: "JSON",
      summary: "What the step gave, for the steps behind it",
    }),
    undo: boolean({ ...NOT_WITH_PLAN, summary: "Its compensation is meant" }),
    ...verbFlags,
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(SagaResolve);
    const [{ runVerb }, { resolveVerb }] = await Promise.all([
      import("../../cli/saga/run-verb.ts"),
      import("../../cli/saga/resolve-verb.ts"),
    ]);
    const { as, evidence, result, reason } = flags;
    const { out, signal } = this;
    const verb = resolveVerb({
      step: args.step,
      undo: flags.undo === true,
      as,
      evidence,
      output: result,
      reason,
    });
    const places = { settings: await this.settings(), out, signal, store: () => this.store() };
    await runVerb(verb, args.run, flags, places);
  }
}
