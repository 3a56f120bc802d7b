import { hostname, userInfo } from "node:os";
import { string } from "@oclif/core/args";
import { boolean, string as stringFlag } from "@oclif/core/flags";
import { DcsError } from "../../core/errors.ts";
import { planFlags } from "../plan.ts";
import { runWaitFlag } from "./run-flags.ts";

/** A run by its id or a beginning of it that no other run has. */
export const runArg = string({
  required: true,
  ignoreStdin: true,
  description: "Id of the run, or a beginning that no other has",
});

/** The same where a plan may name it. */
export const plannedRunArg = string({
  ignoreStdin: true,
  description: "Id of the run, or a beginning that no other has; needed unless --plan",
});

export const reasonFlag = stringFlag({ helpValue: "TEXT", summary: "Why: kept in the audit of the run" });

/** Flags of every verb after which a run goes on. */
export const goOnFlags = {
  detach: boolean({ summary: "Only write it down, and leave the run to the workers", exclusive: ["wait"] }),
  wait: runWaitFlag,
};

/** Flags of every verb that changes a run by a plan. */
export const verbFlags = { reason: reasonFlag, ...goOnFlags, ...planFlags };

/** Who types this, for the audit: user@host. */
export function actor(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under an id that nobody gave a name.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

/** The reason as it was given. USAGE without one: what changes a run is never without. */
export function mandatoryReason(given: string | null | undefined, verb: string): string {
  const reason = given?.trim() ?? "";
  if (reason !== "") return reason;
  throw new DcsError("USAGE", "--reason is needed: say why, it is kept in the audit of the run", {
    hint: `add it to what you typed: ${verb} … --reason "…"`,
    details: { missing: "--reason" },
  });
}
