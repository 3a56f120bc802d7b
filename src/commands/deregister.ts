import { string } from "@oclif/core/args";
import { boolean, string as stringFlag } from "@oclif/core/flags";
import { DcsCommand } from "../cli/base-command.ts";
import { confirm } from "../cli/confirm.ts";
import { confirmFlags, waitFlag } from "../cli/flags.ts";
import { runDeregister, targetInstances } from "../cli/registry/deregister.ts";
import { sayInstances } from "../cli/registry/instances.ts";

export default class Deregister extends DcsCommand {
  static override summary = "Take an instance out of the catalogue; its registrant drains and ends";
  static override description =
    `The instance vanishes at once. Its registrant sees who did it and why, goes on serving for its --drain, stops its command and
ends with 0; a keeper left by register --detach ends the same way.`;
  static override examples = [
    "<%= config.bin %> deregister web/10.0.0.7:8080 --reason 'disk replacement' --wait 30s",
    "<%= config.bin %> deregister web --all --yes",
  ];
  static override exits = [3, 4, 5, 6, 124];
  static override args = {
    target: string({ required: true, ignoreStdin: true, description: "SERVICE/HOST:PORT, or SERVICE" }),
  };
  static override flags = {
    endpoint: stringFlag({
      helpValue: "HOST:PORT",
      exclusive: ["all"],
      summary: "Which instance of SERVICE",
    }),
    all: boolean({ summary: "All instances of SERVICE; asks first" }),
    reason: stringFlag({ helpValue: "TEXT", summary: "Why, told to the registrant" }),
    wait: waitFlag({
      default: 0,
      summary: "How long to wait until the registrants have drained and ended (0)",
    }),
    ...confirmFlags,
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(Deregister);
    const { out, signal } = this;
    const store = await this.store();
    const settings = await this.settings();
    const instances = await targetInstances(store, args.target, flags, signal);
    // One named instance is what was asked for; everything of a service, or a protected context, is asked about.
    if (flags.all || settings.protected.value || flags.confirm !== undefined) {
      const what = `deregister ${sayInstances(instances)}`;
      const plan = instances.slice(0, 20).map((one) => `${one.id}  ${one.status}  lease ${one.lease ?? "-"}`);
      await confirm({ out, settings, flags, what, plan, signal });
    }
    await runDeregister(instances, { store, out, signal, reason: flags.reason ?? null, waitMs: flags.wait });
  }
}
