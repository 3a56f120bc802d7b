import { string } from "@oclif/core/args";
import { DcsCommand } from "../cli/base-command.ts";
import { runRegister } from "../cli/registry/register.ts";
import { registerDetached } from "../cli/registry/register-detached.ts";
import { healthPolicy, readRegistrations, registrationFlags } from "../cli/registry/registration-flags.ts";

export default class Register extends DcsCommand {
  static override summary = "Register an instance of a service, and keep it registered";
  static override description =
    `Stays until it is stopped: SIGTERM or SIGINT deregister at once, drain, and end with 0. With -- CMD the command runs as the
service, its end deregisters at once, and its exit status is that of dcs. What is lost with the store or a lease is registered
again within 2 s; what \`dcs deregister\` takes out is drained and ends.`;
  static override examples = [
    "<%= config.bin %> register web --endpoint 10.0.0.7:8080 --check http:/healthz -- ./server --port 8080",
    "<%= config.bin %> register web --endpoint 10.0.0.7:8080 --weight 5 --version v2 --detach --json",
    "<%= config.bin %> register --file instances.yaml --ttl 10s",
  ];
  static override stays = "!detach";
  static override takesChild = true;
  static override exits = [3, 4, 5, 124, 126, 127];
  static override args = { name: string({ ignoreStdin: true, description: "Name of the service" }) };
  static override flags = registrationFlags;

  protected async execute(): Promise<number | undefined> {
    const { args, flags } = await this.parse(Register);
    const health = healthPolicy(flags);
    const { ttlMs, instances } = await readRegistrations(args.name, flags);
    const { out, signal, child } = this;
    if (flags.detach) {
      const settings = await this.settings();
      await registerDetached({ instances, settings, out, signal });
      return undefined;
    }
    return runRegister(
      {
        instances,
        ttlMs,
        health,
        child,
        waitMs: flags.wait,
        drainMs: flags.drain,
        deregisterAfterMs: flags["deregister-after"],
        graceMs: flags.grace,
        receipt: flags.receipt,
        events: flags.events,
      },
      { store: () => this.store(), out, signal },
    );
  }
}
