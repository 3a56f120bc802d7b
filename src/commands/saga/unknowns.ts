import { string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { integerFlag } from "../../cli/flags.ts";
import { openSagas } from "../../cli/saga/open-sagas.ts";
import { type UnknownCall, unknownCalls } from "../../core/saga/operate/unknown-calls.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { shortened } from "../../core/util/shortened.ts";

export default class SagaUnknowns extends DcsCommand {
  static override summary = "List the calls of which it is not known whether they took effect";
  static override description =
    `Those that dcs is still finding out (the same key again, or a probe), and those that wait for a person. Ask the service for the
key, then \`dcs saga resolve RUN STEP\`.`;
  static override examples = ["<%= config.bin %> saga unknowns", "<%= config.bin %> saga unknowns --json"];
  static override exits = [3, 4, 5];
  static override flags = {
    saga: string({ helpValue: "NAME", summary: "Only runs of this saga" }),
    limit: integerFlag({ min: 1, max: 10_000, default: 1000, summary: "Most runs to look at" }),
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(SagaUnknowns);
    const { saga, limit } = flags;
    const settings = await this.settings();
    await using opened = await openSagas({ settings, store: () => this.store(), reader: this.out });
    const { journal } = opened.sagas;
    const filter = { callStatuses: ["unknown", "parked", "intent"] as const, limit };
    const [runs, now] = await Promise.all([
      journal.runs(saga === undefined ? filter : { ...filter, saga }),
      journal.now(),
    ]);
    const calls = runs.flatMap((record) => unknownCalls(record, now));
    if (runs.length === limit)
      this.out.warn("LIMIT", `only ${limit} runs were looked at: --limit takes more`);
    this.out.result(
      "saga.unknowns",
      { calls },
      {
        table: () => ({
          head: ["RUN", "SAGA", "STEP", "STATE", "SINCE", "KEY", "ERROR"],
          rows: calls.map(cells),
          empty: "of every call it is known what became of it",
        }),
        names: () => calls.map(({ run, step }) => `${run} ${step}`),
      },
    );
  }
}

function cells({ run, saga, step, direction, state, sinceMs, key, error }: UnknownCall): readonly string[] {
  const since = sinceMs === null ? "-" : formatDuration(sinceMs);
  const told = shortened((error ?? "").replace(/\s+/g, " "), 60);
  return [run, saga, direction === "do" ? step : `${step} (undo)`, state, since, key, told];
}
