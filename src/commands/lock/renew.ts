import { string } from "@oclif/core/args";
import { string as stringFlag } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { lockIdentity, openRunLocks } from "../../cli/lock/locks.ts";
import { formatDuration } from "../../core/util/duration.ts";

export default class LockRenew extends DcsCommand {
  static override summary = "Give a held lock its full TTL again";
  static override description =
    "Needs the token that `dcs lock acquire` printed, by --token or DCS_LOCK_TOKEN. The TTL is that of the acquisition.";
  static override examples = ["<%= config.bin %> lock renew nightly --token 6b1f…"];
  static override exits = [3, 4, 5];
  static override args = { name: string({ description: "Name of the lock (DCS_LOCK_NAME)" }) };
  static override flags = { token: stringFlag({ summary: "Proof of ownership (DCS_LOCK_TOKEN)" }) };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(LockRenew);
    const { name, token } = lockIdentity(args.name, flags.token, process.env);
    await using locks = await openRunLocks(this.settings());
    const { ttlMs, expiresAt: at } = await locks.renew(name, token, this.signal);
    const expiresAt = new Date(at).toISOString();
    this.out.result(
      "lock.renew",
      { name, ttlMs, expiresAt },
      {
        lines: () => [`renewed ${name}: expires ${expiresAt} (in ${formatDuration(ttlMs)})`],
        names: () => [name],
      },
    );
  }
}
