import { string } from "@oclif/core/args";
import { DcsCommand } from "../../cli/base-command.ts";
import { confirm } from "../../cli/confirm.ts";
import { confirmFlags } from "../../cli/flags.ts";
import { describeKeys, summarizeKeys } from "../../core/lease/describe-key.ts";
import { leaseNotFound, parseLeaseId } from "../../core/lease/lease-id.ts";

export default class LeaseRevoke extends DcsCommand {
  static override summary = "End a lease now: every key on it goes";
  static override description =
    `A lock held on it is lost, and what runs under the lock is stopped; instances on it vanish until their registrant
registers them again. To end a registration for good use deregister.`;
  static override examples = ["<%= config.bin %> lease revoke 1a2b3c4d5e6f7788 --yes"];
  static override exits = [4, 5, 6];
  static override args = { id: string({ required: true, ignoreStdin: true, description: "Lease id, hex" }) };
  static override flags = { ...confirmFlags };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(LeaseRevoke);
    const id = parseLeaseId(args.id);
    const store = await this.store();
    const { signal, out } = this;
    const info = await store.lease(id, { signal });
    if (info === null) throw leaseNotFound(id);
    const keys = (await describeKeys(store, [info], { signal })).get(info.id) ?? [];
    const held = info.holder === null ? "" : `, held by ${info.holder.host} pid ${info.holder.pid}`;
    const plan = [`lease ${info.id}${held}`, ...keys.slice(0, 20).map((key) => `${key.kind}  ${key.key}`)];
    await confirm({ out, settings: await this.settings(), flags, what: `revoke lease ${id}`, plan, signal });
    if (!(await store.revoke(info.id, { signal }))) throw leaseNotFound(id);
    out.result(
      "lease.revoke",
      { id: info.id, keys: info.keys, what: keys },
      {
        lines: () => [`lease ${info.id} revoked (${summarizeKeys(keys)})`],
        names: () => [info.id],
      },
    );
  }
}
