import { string } from "@oclif/core/args";
import { boolean } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { isDcsError } from "../../core/errors.ts";
import { keepLease } from "../../core/lease/keep-lease.ts";
import { leaseNotFound, parseLeaseId } from "../../core/lease/lease-id.ts";
import { systemClock } from "../../core/util/clock.ts";
import { formatDuration } from "../../core/util/duration.ts";

export default class LeaseKeepalive extends DcsCommand {
  static override summary = "Give a lease its full TTL again, and again until stopped";
  static override description =
    "Works on leases that dcs did not make. With --once, renews one time and ends.";
  static override examples = ["<%= config.bin %> lease keepalive 1a2b3c4d5e6f7788 --once"];
  static override stays = true;
  static override exits = [4, 5, 6];
  static override args = { id: string({ required: true, ignoreStdin: true, description: "Lease id, hex" }) };
  static override flags = { once: boolean({ summary: "Renew one time and end" }) };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(LeaseKeepalive);
    const id = parseLeaseId(args.id);
    const store = await this.store();
    if (flags.once) {
      const lease = await store.keepAlive(id, { signal: this.signal }).catch((error: unknown) => {
        throw isDcsError(error, "LEASE_NOT_FOUND") ? leaseNotFound(id) : error;
      });
      this.out.result(
        "lease.keepalive",
        { id, ttlMs: lease.ttlMs },
        {
          lines: () => [`lease ${id} renewed: ${formatDuration(lease.ttlMs)}`],
          names: () => [id],
        },
      );
      return;
    }
    await keepLease(id, {
      store,
      clock: systemClock,
      signal: this.signal,
      onRenewed: (ttlMs) =>
        this.out.event("renewed", { id, ttlMs }, `renewed  ${id}  ${formatDuration(ttlMs)}`),
      onDoubt: (error) => this.out.note(`not renewed, trying again: ${String(error)}`),
    });
  }
}
