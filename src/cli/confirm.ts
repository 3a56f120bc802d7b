import { createInterface } from "node:readline/promises";
import type { Settings } from "../core/config/settings.ts";
import { DcsError } from "../core/errors.ts";
import type { Output } from "./output.ts";
import { printable } from "./text.ts";

export interface ConfirmRequest {
  readonly out: Output;
  readonly settings: Settings;
  readonly flags: { readonly yes?: boolean | undefined; readonly confirm?: string | undefined };
  /** What is about to be done, as in "revoke lease 1a2b": completes "to … , add --yes". */
  readonly what: string;
  /** The plan shown to a person before the question. */
  readonly plan: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Lets a destructive verb go on, or throws CONFIRM_REQUIRED. A protected context needs `--confirm CONTEXT`, and --yes
 * never satisfies it; otherwise --yes, or a yes typed at a terminal. Scripts and CI are never asked.
 */
export async function confirm(request: ConfirmRequest): Promise<void> {
  const { settings, flags, what } = request;
  const name = settings.context?.name ?? null;
  if (flags.confirm !== undefined && flags.confirm !== name) {
    const actual = name === null ? "no context is in use" : `the context in use is ${name}`;
    throw required(
      `--confirm ${flags.confirm}: ${actual}`,
      `name the context in use, or choose one with --context`,
    );
  }
  if (settings.protected.value) {
    if (flags.confirm !== undefined) return;
    const shown = name ?? "";
    throw required(`context ${shown} is protected, and to ${what} changes it`, `add --confirm ${shown}`);
  }
  if (flags.yes === true || flags.confirm !== undefined) return;
  if (!canAsk(request.out)) {
    throw required(`to ${what} needs a confirmation, and nobody can be asked here`, "add --yes");
  }
  if (!(await ask(request))) throw required(`to ${what} was not confirmed`, "answer y, or add --yes");
}

function required(message: string, hint: string): DcsError {
  return new DcsError("CONFIRM_REQUIRED", message, { hint });
}

function canAsk(out: Output): boolean {
  const ci = process.env["CI"];
  return process.stdin.isTTY === true && out.tty && (ci === undefined || ci === "" || ci === "false");
}

async function ask({ plan, what, signal }: ConfirmRequest): Promise<boolean> {
  for (const line of plan) process.stderr.write(`  ${printable(line)}\n`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  // At a prompt Ctrl-C reaches readline, not the process; hand it on so that the command ends by it.
  prompt.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    const question = `${what[0]?.toUpperCase() ?? ""}${printable(what.slice(1))}? [y/N] `;
    // The end of the input (Ctrl-D) is a no: a question of readline may reject then, or never settle.
    const ended = new Promise<string>((resolve) => prompt.once("close", () => resolve("")));
    const answered = prompt.question(question, signal === undefined ? {} : { signal });
    const answer = await Promise.race([answered, ended]).catch(() => "");
    signal?.throwIfAborted();
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}
