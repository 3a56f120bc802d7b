import { toDcsError } from "../../core/errors.ts";
import { paint } from "../colour.ts";
import type { Output } from "../output.ts";
import { demoSteps } from "./steps.ts";
import { World } from "./world.ts";

/** Plays the demo to its end and prints it; DEMO_FAILED, with what was left undone, when a promise did not hold. */
export async function runDemo(program: readonly string[], out: Output, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const human = out.mode !== "json" && out.mode !== "ndjson";
  const say = (line: string) => {
    if (human) process.stdout.write(`${line}\n`);
  };
  const colour = paint(process.stdout);
  const steps = demoSteps();
  const done: { name: string; title: string; ms: number; facts: string[] }[] = [];
  {
    await using world = new World(program, signal);
    for (const [index, step] of steps.entries()) {
      const begun = performance.now();
      const facts: string[] = [];
      say(colour.bold(`${index + 1}/${steps.length}  ${step.title}`));
      try {
        await step.run(world, {
          command: (line) => say(`     ${colour.dim("$")} ${line}`),
          fact: (line) => {
            facts.push(line);
            say(`     ${line}`);
          },
        });
      } catch (error) {
        throw signal.aborted ? signal.reason : toDcsError(error);
      }
      done.push({ name: step.name, title: step.title, ms: Math.round(performance.now() - begun), facts });
      say("");
    }
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  out.result(
    "demo",
    { steps: done, ms: Math.round(performance.now() - started) },
    {
      lines: () => [
        `All of it held, in ${seconds} s, with real processes and no server. Nothing was left behind.`,
        "Next: dcs register --help, dcs lock acquire --help, dcs saga run --help, dcs config show --origin",
      ],
      names: () => done.map((step) => step.name),
    },
  );
}
