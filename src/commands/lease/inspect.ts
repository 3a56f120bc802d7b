import { string } from "@oclif/core/args";
import { DcsCommand } from "../../cli/base-command.ts";
import { leaseData } from "../../cli/lease/leases.ts";
import { describeKeys } from "../../core/lease/describe-key.ts";
import { leaseNotFound, parseLeaseId } from "../../core/lease/lease-id.ts";
import { formatDuration } from "../../core/util/duration.ts";

export default class LeaseInspect extends DcsCommand {
  static override summary = "Show one lease: time left, age, holder, and every key on it";
  static override examples = ["<%= config.bin %> lease inspect 1a2b3c4d5e6f7788"];
  static override exits = [4, 5, 6];
  static override args = { id: string({ required: true, ignoreStdin: true, description: "Lease id, hex" }) };

  protected async execute(): Promise<void> {
    const { args } = await this.parse(LeaseInspect);
    const id = parseLeaseId(args.id);
    const store = await this.store();
    const info = await store.lease(id, { signal: this.signal });
    if (info === null) throw leaseNotFound(id);
    const keys = (await describeKeys(store, [info], { signal: this.signal })).get(info.id) ?? [];
    const { holder, grantedAt } = info;
    const age = grantedAt === null ? "-" : formatDuration(Math.max(0, Date.now() - grantedAt));
    this.out.result("lease.inspect", leaseData(info, keys), {
      lines: () => [
        `lease    ${info.id}`,
        `left     ${formatDuration(info.remainingMs)} of ${formatDuration(info.ttlMs)}`,
        `age      ${age}`,
        `holder   ${holder === null ? "-" : `${holder.host} pid ${holder.pid}  ${holder.command}`}`,
        `keys     ${keys.length}`,
        ...keys.map(({ key, kind, name }) => `  ${kind.padEnd(8)}  ${name ?? key}`),
      ],
      names: () => [info.id],
    });
  }
}
