import { boolean, option, string } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { integerFlag } from "../../cli/flags.ts";
import { runRow, runTable } from "../../cli/saga/list-runs.ts";
import { openSagas } from "../../cli/saga/open-sagas.ts";
import { RUN_STATUSES } from "../../core/saga/engine/run-state.ts";

const LIVE = ["running", "compensating", "parked"] as const;

export default class SagaLs extends DcsCommand {
  static override summary = "List the runs of sagas, newest first";
  static override description = "Runs that have ended are left out unless --all, or --status, asks for them.";
  static override examples = [
    "<%= config.bin %> saga ls",
    "<%= config.bin %> saga ls --status parked --json",
    "<%= config.bin %> saga ls --all --saga create-order --limit 20",
  ];
  static override exits = [3, 4, 5];
  static override flags = {
    status: option({ options: RUN_STATUSES, multiple: true, summary: "Only runs with this status" })(),
    saga: string({ helpValue: "NAME", summary: "Only runs of this saga" }),
    all: boolean({ summary: "Also runs that have ended; with --status those that it names" }),
    limit: integerFlag({ min: 1, max: 10_000, default: 100, summary: "Most runs to show" }),
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(SagaLs);
    const { saga, limit } = flags;
    const settings = await this.settings();
    await using opened = await openSagas({ settings, store: () => this.store(), reader: this.out });
    const { journal } = opened.sagas;
    const statuses = flags.status ?? (flags.all === true ? undefined : LIVE);
    const filter = {
      ...(saga === undefined ? {} : { saga }),
      ...(statuses === undefined ? {} : { statuses }),
      limit: limit + 1,
    };
    const [found, counts, now] = await Promise.all([journal.runs(filter), journal.counts(), journal.now()]);
    const rows = found.slice(0, limit).map((record) => runRow(record, now));
    const hasMore = found.length > limit;
    if (hasMore) this.out.note(`there are more: --limit ${limit * 10} shows them`);
    const ended = (counts.completed ?? 0) + (counts.compensated ?? 0) + (counts.cancelled ?? 0);
    const live = LIVE.reduce((sum, status) => sum + (counts[status] ?? 0), 0);
    const empty =
      live + ended === 0
        ? `there is no run in ${journal.url}; \`dcs saga run FILE\` begins one`
        : statuses === LIVE && saga === undefined
          ? `no run is live; ${ended} have ended: --all shows them`
          : `no run matches; there are ${live} live ones, and ${ended} that have ended: --all shows them`;
    this.out.result(
      "saga.ls",
      { runs: rows, counts, hasMore },
      {
        table: () => runTable(rows, { wide: false, empty }),
        wide: () => runTable(rows, { wide: true, empty }),
        names: () => rows.map(({ run }) => run),
      },
    );
  }
}
