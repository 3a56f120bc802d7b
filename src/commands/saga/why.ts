import { DcsCommand } from "../../cli/base-command.ts";
import { openSagas } from "../../cli/saga/open-sagas.ts";
import { runArg } from "../../cli/saga/operator-flags.ts";
import { seeRun } from "../../cli/saga/show-run.ts";
import { sameBackend } from "../../cli/where.ts";
import { why } from "../../core/saga/operate/why.ts";

export default class SagaWhy extends DcsCommand {
  static override summary = "Say in one sentence why a run stands where it stands, and what to type next";
  static override examples = ["<%= config.bin %> saga why 261123-0845"];
  static override exits = [3, 4, 5, 6];
  static override args = { run: runArg };

  protected async execute(): Promise<void> {
    const { args } = await this.parse(SagaWhy);
    const settings = await this.settings();
    await using opened = await openSagas({ settings, store: () => this.store(), reader: this.out });
    const { record, definition } = await seeRun(args.run, opened.sagas, this.out);
    const { runId } = record.state;
    const said = why(record, definition, await opened.sagas.journal.now());
    const where = sameBackend(settings);
    const next = said.next.map((command) => `${command}${where}`);
    this.out.result(
      "saga.why",
      { run: runId, saga: record.saga, ...said, next },
      {
        lines: () => [
          `run   ${runId} (${record.saga}) is ${said.status}`,
          `why   ${said.because}`,
          ...said.findOut.map((question) => `find  ${question}`),
          ...next.map((command) => `next  ${command}`),
        ],
        names: () => next,
      },
    );
  }
}
