import { boolean, string } from "@oclif/core/flags";
import type { Settings } from "../core/config/settings.ts";
import { type Plan, refuseStalePlan } from "../core/plan/plan.ts";
import { confirm } from "./confirm.ts";
import { confirmFlags } from "./flags.ts";
import { type Output, shellQuote } from "./output.ts";
import { sameBackend } from "./where.ts";

/** Flags of a destructive verb that shows its plan, writes it to a file, and does what a file says. */
export const planFlags = {
  "dry-run": boolean({ summary: "Show what would be done, and change nothing" }),
  out: string({
    helpValue: "FILE",
    dependsOn: ["dry-run"],
    summary: "With --dry-run: write the plan to a file, for --plan",
  }),
  plan: string({
    helpValue: "FILE",
    exclusive: ["dry-run"],
    summary: "Do exactly what the plan in this file says; exit 3 when the world has changed since",
  }),
  ...confirmFlags,
};

export interface PlanRequest {
  readonly out: Output;
  readonly settings: Settings;
  readonly flags: {
    readonly "dry-run"?: boolean | undefined;
    readonly out?: string | undefined;
    readonly yes?: boolean | undefined;
    readonly confirm?: string | undefined;
  };
  /** The words by which the verb is typed: `dcs lock break`. */
  readonly verb: string;
  /** What must be typed besides --plan to do what the plan says; with a leading space. */
  readonly besides?: string;
  /** What is to be done, made on a look just now. */
  readonly present: Plan;
  /** What `--plan` names; null without. */
  readonly saved: Plan | null;
  readonly signal: AbortSignal;
}

/**
 * Whether the verb is to go on: not with --dry-run, which shows the plan and writes it to --out. A saved plan stands for
 * the yes, but not for the --confirm of a protected context. Throws PLAN_STALE, FILE_INVALID, CONFIRM_REQUIRED.
 */
export async function settlePlan(request: PlanRequest): Promise<boolean> {
  const { out, settings, flags, present, saved, signal } = request;
  if (flags["dry-run"] === true) {
    await showPlan(request);
    return false;
  }
  if (saved !== null) refuseStalePlan(saved, present);
  const given = saved === null ? flags : { ...flags, yes: true };
  await confirm({ out, settings, flags: given, what: present.what, plan: present.steps, signal });
  return true;
}

async function showPlan({ out, settings, flags, verb, besides = "", present }: PlanRequest): Promise<void> {
  const { out: path } = flags;
  if (path !== undefined) {
    const { writePlanFile } = await import("../core/plan/plan-file.ts");
    await writePlanFile(path, present);
  }
  const again = `${verb} --plan ${path === undefined ? "FILE" : shellQuote(path)}${besides}${sameBackend(settings, { confirm: true })}`;
  out.result("plan", present, {
    lines: () => [
      `plan     ${present.what} (${present.backend})`,
      ...present.steps,
      path === undefined ? "nothing was changed" : `nothing was changed; to do it: ${again}`,
    ],
    names: () => [present.what],
  });
}
