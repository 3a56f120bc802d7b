import { DcsCommand } from "../../cli/base-command.ts";
import { plannedRunArg, verbFlags } from "../../cli/saga/operator-flags.ts";

export default class SagaCompensate extends DcsCommand {
  static override summary = "Undo what a run did, also one that is completed";
  static override description =
    `Begins no further step, finds out what became of those under way, and undoes what was done, in the reverse order. Refused (exit 3)
behind the point of no return. Shows what would be undone and asks for a yes. Exit 9 when it is undone, 8 when it is parked.`;
  static override examples = [
    "<%= config.bin %> saga compensate 261123-0845 --reason 'customer called'",
    "<%= config.bin %> saga compensate 261123-0845 --reason 'customer called' --yes --detach",
  ];
  static override exits = [3, 4, 5, 6, 8, 9];
  static override args = { run: plannedRunArg };
  static override flags = verbFlags;

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(SagaCompensate);
    const [{ runVerb }, { turnVerb }] = await Promise.all([
      import("../../cli/saga/run-verb.ts"),
      import("../../cli/saga/turn-verb.ts"),
    ]);
    const { out, signal } = this;
    const places = { settings: await this.settings(), out, signal, store: () => this.store() };
    await runVerb(turnVerb("compensate", flags), args.run, flags, places);
  }
}
