import { string } from "@oclif/core/args";
import { DcsCommand } from "../../cli/base-command.ts";
import { openSagas } from "../../cli/saga/open-sagas.ts";
import { newRunFlags, readNewRun } from "../../cli/saga/run-flags.ts";
import { warnOtherRun } from "../../cli/saga/warn-other-run.ts";
import { warnWithoutWorkers } from "../../cli/saga/workers.ts";
import { sameBackend } from "../../cli/where.ts";
import { ENDED } from "../../core/saga/operate/run-view.ts";

export default class SagaStart extends DcsCommand {
  static override summary = "Write a run of a saga down, and leave it to the workers";
  static override description =
    `The run is durable when this returns. It begins as soon as a worker looks (\`dcs saga worker\`); a warning says when none is
registered in the store. With --key it can be called again after any failure: there will be one run.`;
  static override examples = [
    "<%= config.bin %> saga start create-order.yaml --input sku=book --input amount=30 --key order-4711",
  ];
  static override exits = [3, 4, 5];
  static override args = {
    file: string({ required: true, ignoreStdin: true, description: "The saga's file" }),
  };
  static override flags = newRunFlags;

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(SagaStart);
    const { read, parts } = await readNewRun(args.file, flags, this.out);
    const settings = await this.settings();
    await using opened = await openSagas({ settings, store: () => this.store() });
    const { runId, isNew } = await opened.sagas.start(read, parts);
    const record = isNew ? null : await opened.sagas.journal.run(runId);
    if (record !== null) warnOtherRun(record, read, parts, { out: this.out, secrets: opened.secrets });
    // A run that is over waits for nobody.
    if (record === null || !ENDED.includes(record.state.status)) {
      await warnWithoutWorkers({ store: () => this.store(), out: this.out, signal: this.signal });
    }
    const { saga } = read.definition;
    this.out.result(
      "saga.start",
      { run: runId, saga, isNew },
      {
        lines: () => [
          isNew ? `started   ${runId}` : `was there ${runId}: the key ${parts.businessKey} began it before`,
          `see it    dcs saga show ${runId}${sameBackend(settings)}`,
        ],
        names: () => [runId],
      },
    );
  }
}
