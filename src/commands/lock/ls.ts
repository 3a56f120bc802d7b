import { DcsCommand } from "../../cli/base-command.ts";
import { openRunLocks, placeCells, placeData } from "../../cli/lock/locks.ts";
import { formatDuration } from "../../core/util/duration.ts";

export default class LockLs extends DcsCommand {
  static override summary = "List the locks that are held";
  static override examples = ["<%= config.bin %> lock ls", "<%= config.bin %> lock ls --json"];
  static override exits = [4, 5];

  protected async execute(): Promise<void> {
    await this.parse(LockLs);
    await using locks = await openRunLocks(this.settings());
    const states = await locks.list(this.signal);
    const rows = states.map((state) => ({
      name: state.name,
      holder: placeData(state.holder),
      fence: state.holder.fence,
      remainingMs: state.holder.remainingMs,
      waiters: state.waiters.length,
    }));
    this.out.result(
      "lock.ls",
      { locks: rows },
      {
        table: () => ({
          head: ["LOCK", "HOLDER", "REASON", "FENCE", "LEFT", "WAITERS"],
          rows: states.map((state) => [
            state.name,
            ...placeCells(state.holder),
            String(state.waiters.length),
          ]),
          empty: "no lock is held",
        }),
        wide: () => ({
          head: [
            "LOCK",
            "HOLDER",
            "REASON",
            "FENCE",
            "LEFT",
            "WAITERS",
            "TTL",
            "LEASE",
            "KEPT BY",
            "COMMAND",
          ],
          rows: states.map((state) => [
            state.name,
            ...placeCells(state.holder),
            String(state.waiters.length),
            formatDuration(state.holder.ttlMs),
            state.holder.lease,
            state.holder.detached ? "its token" : "its process",
            state.holder.holder?.command ?? "-",
          ]),
          empty: "no lock is held",
        }),
        names: () => states.map((state) => state.name),
      },
    );
  }
}
