import { string } from "@oclif/core/args";
import { DcsCommand } from "../../cli/base-command.ts";
import { openRunLocks, placeCells, placeData } from "../../cli/lock/locks.ts";
import { DcsError } from "../../core/errors.ts";
import { formatDuration } from "../../core/util/duration.ts";

export default class LockInspect extends DcsCommand {
  static override summary = "Show who holds a lock and who waits for it";
  static override description =
    "Also shows holders that are not dcs. Exit status 6 when nobody holds it or waits.";
  static override examples = ["<%= config.bin %> lock inspect deploy/web"];
  static override exits = [4, 5, 6];
  static override args = { name: string({ required: true, description: "Name of the lock" }) };

  protected async execute(): Promise<void> {
    const { args } = await this.parse(LockInspect);
    await using locks = await openRunLocks(this.settings());
    const state = await locks.inspect(args.name, this.signal);
    if (state === null) {
      throw new DcsError("LOCK_NOT_FOUND", `lock ${args.name} is free: nobody holds it or waits for it`, {
        details: { name: args.name },
      });
    }
    const { holder, waiters } = state;
    const order = locks.capabilities.fifo ? "first come, first served" : "no order";
    const data = {
      name: state.name,
      holder: placeData(holder),
      fence: holder.fence,
      remainingMs: holder.remainingMs,
      waiters: waiters.map(placeData),
      fifo: locks.capabilities.fifo,
      backend: locks.backend,
    };
    this.out.result("lock.inspect", data, {
      lines: () => [
        `lock      ${state.name} (${locks.url}; waiters are served ${order})`,
        `holder    ${placeCells(holder)[0]}${holder.holder === null ? "" : `  ${holder.holder.command}`}`,
        `reason    ${holder.reason ?? "-"}`,
        `fence     ${holder.fence}`,
        `since     ${holder.since === null ? "-" : new Date(holder.since).toISOString()}`,
        `left      ${formatDuration(holder.remainingMs)} of ${formatDuration(holder.ttlMs)}, renewed by ${holder.detached ? "whoever has the token" : "its process"}`,
        `lease     ${holder.lease}`,
        `waiters   ${waiters.length}`,
        ...waiters.map((waiter, index) => `  ${index + 1}.  ${placeCells(waiter).slice(0, 2).join("  ")}`),
      ],
      names: () => [state.name],
    });
  }
}
