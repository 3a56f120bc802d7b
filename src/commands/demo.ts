import { DcsCommand } from "../cli/base-command.ts";
import { runDemo } from "../cli/demo/run-demo.ts";

export default class Demo extends DcsCommand {
  static override summary = "Show what dcs does, with real processes, in under 20 s";
  static override description =
    "Needs no server: registration, a crash, resolution by weight, a contended lock, a lost lock, a saga that survives kill -9. Works in a directory of its own and leaves nothing behind.";
  static override examples = ["<%= config.bin %> demo"];
  static override exits = [99, 130, 143];

  protected async execute(): Promise<void> {
    await this.parse(Demo);
    const script = process.argv[1] ?? "";
    await runDemo([process.execPath, script], this.out, this.signal);
  }
}
