import { string } from "@oclif/core/args";
import { option, string as stringFlag } from "@oclif/core/flags";
import { DcsCommand } from "../cli/base-command.ts";
import { integerFlag, waitFlag } from "../cli/flags.ts";
import { PICKER_POLICIES } from "../core/traffic/picker.ts";
import { resolve } from "../core/traffic/resolve.ts";
import { systemClock } from "../core/util/clock.ts";

export default class Resolve extends DcsCommand {
  static override summary = "Pick ready instances of a service by a balancing policy";
  static override description =
    `wrr is smooth weighted round robin, started at a random place; random is weighted random; rendezvous always gives the
same --key the same instance, and with -n the next best ones.`;
  static override examples = [
    "curl http://$(<%= config.bin %> resolve web)/",
    "<%= config.bin %> resolve web -n 10 --json",
    "<%= config.bin %> resolve cache --policy rendezvous --key user:42 --wait 5s",
  ];
  static override exits = [4, 5, 6, 124];
  static override args = {
    name: string({ required: true, ignoreStdin: true, description: "Name of the service" }),
  };
  static override flags = {
    count: integerFlag({ char: "n", min: 1, max: 1_000_000, default: 1, summary: "How many picks (1)" }),
    policy: option({ options: PICKER_POLICIES, summary: "How to pick (wrr)" })({ default: "wrr" }),
    key: stringFlag({ helpValue: "KEY", summary: "What rendezvous hashes" }),
    wait: waitFlag({ default: 0, summary: "How long to wait for a ready instance (0)" }),
    version: stringFlag({ helpValue: "VERSION", summary: "Only instances of this version" }),
    zone: stringFlag({ helpValue: "ZONE", summary: "Only instances of this zone" }),
    tag: stringFlag({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "TAG",
      summary: "Only with this tag",
    }),
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(Resolve);
    const { version, zone, tag, count, policy, key } = flags;
    const picks = await resolve(await this.store(), {
      service: args.name,
      count,
      policy,
      key,
      filter: { version, zone, tags: tag },
      waitMs: flags.wait,
      clock: systemClock,
      signal: this.signal,
    });
    const data = picks.map(({ id, endpoint, weight, version, zone }) => ({
      id,
      endpoint,
      weight,
      version,
      zone,
    }));
    this.out.result(
      "resolve",
      { picks: data },
      {
        lines: () => picks.map((pick) => pick.endpoint),
        names: () => picks.map((pick) => pick.id),
      },
    );
  }
}
