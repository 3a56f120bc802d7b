import { formatDuration } from "../../util/duration.ts";
import type { Definition, Step } from "../definition/definition.ts";
import { hasAttempts, refusalToTurn, retryOf } from "../engine/rules.ts";
import { type CallState, callKey, type Direction, NOTHING_SENT } from "../engine/run-state.ts";
import type { RunRecord } from "../journal/journal.ts";
import { callOf } from "./run-view.ts";
import { moment, nameOf, resolves, resume, sayCause } from "./say.ts";
import type { Why } from "./why.ts";

interface Parked {
  readonly step: Step;
  readonly direction: Direction;
  readonly call: CallState;
}

/** What stopped a parked run, what a person must find out, and what to type then. */
export function whyParked(record: RunRecord, definition: Definition, now: number): Why {
  const { state } = record;
  const parked = definition.steps.flatMap((step) =>
    (["do", "undo"] as const).flatMap((direction): readonly Parked[] => {
      const call = callOf(record, step.name, direction);
      return call.status === "parked" ? [{ step, direction, call }] : [];
    }),
  );
  const undoing =
    state.direction === "undo" && state.cause !== null && state.cause.type !== "parked"
      ? ` while it was being undone (${sayCause(state.cause)})`
      : "";
  if (parked.length === 0) return givenUp(record, undoing, now);
  const own = state.cause?.type === "parked" && state.cause.step === null ? [state.cause.message] : [];
  const reasons = [...own, ...parked.map((each) => reasonOf(each, now))].join("; ");
  const turn = refusalToTurn(state, "compensated", definition);
  const compensate = `dcs saga compensate ${state.runId} --reason "…"`;
  return {
    status: "parked",
    because: `it was parked${undoing} because ${reasons}`,
    findOut: parked.map((each) => findOut(each, state.rootId)),
    next: [
      ...new Set(parked.flatMap((each) => commands(each, state.runId))),
      ...(turn === null ? [compensate] : []),
    ],
  };
}

/** No step is parked: worker after worker took the run, and none got anywhere. */
function givenUp({ state, claims, updatedAt }: RunRecord, undoing: string, now: number): Why {
  const { cause } = state;
  const many = claims > 0 ? `${claims} workers` : "several workers";
  const said = cause?.type === "parked" ? cause.message : `${many} took it and none got anywhere`;
  return {
    status: "parked",
    because: `it was parked${undoing} ${moment(updatedAt, now)} because ${said}`,
    findOut: ["what ends the workers that take it: their logs, memory limits, and what its steps start"],
    next: [resume(state.runId), `dcs saga show ${state.runId}`],
  };
}

function isUnknown({ call }: Parked): boolean {
  return call.everUnknown;
}

/** It was never sent: something is amiss where the run is executed, such as a key that is not set. */
function isUnmade({ call }: Parked): boolean {
  return call.error?.message.startsWith(NOTHING_SENT) === true;
}

/** The service knows the key from another request. */
function isRefused(parked: Parked): boolean {
  return parked.call.error?.kind === "refused" && !isUnmade(parked);
}

function reasonOf(parked: Parked, now: number): string {
  const { step, direction, call } = parked;
  const what = nameOf(step.name, direction);
  const last = call.error === null ? "" : `: ${call.error.message}`;
  if (isUnmade(parked) && !isUnknown(parked))
    return `${what} could not be made where the run was executed${last}`;
  if (isRefused(parked)) return `the service says that the key of ${what} was used for something else${last}`;
  if (!isUnknown(parked)) {
    const tries = `${call.attempts} ${call.attempts === 1 ? "attempt" : "attempts"}`;
    const why = direction === "do" ? ", and behind the point of no return a step is never undone" : "";
    return `${what} failed after ${tries}${why}${last}`;
  }
  return `it is not known whether ${what} took effect, and ${dcsCannotTell(parked, now)}${last}`;
}

/** Why dcs does not find out by itself. */
function dcsCannotTell(parked: Parked, now: number): string {
  const { step, direction, call } = parked;
  if (isUnmade(parked)) return "it could not be asked where the run was executed";
  if (direction === "do" && step.unknown === "park")
    return "the definition leaves it to a person (unknown: park)";
  if (call.firstSentAt !== null && now >= call.firstSentAt + step.keyTtlMs) {
    return `the service may have forgotten its key, which is older than keyTtl (${formatDuration(step.keyTtlMs)})`;
  }
  if (direction === "do" && step.probe !== null && call.probes >= step.retry.attempts) {
    return `${call.probes} probes could not tell`;
  }
  if (!hasAttempts(call, retryOf(step, direction)))
    return `${call.attempts} attempts under one key did not tell`;
  return "nothing can be asked";
}

function findOut(parked: Parked, rootId: string): string {
  const { step, direction, call } = parked;
  const what = nameOf(step.name, direction);
  const key = callKey(rootId, step.name, direction, call.generation);
  if (isUnmade(parked) && !isUnknown(parked)) {
    return `what is amiss where the run is executed, as said; when that is mended, resume`;
  }
  if (isUnknown(parked) || isRefused(parked)) {
    return `whether ${what} took effect: ask its service for key ${key}`;
  }
  return `why ${what} fails; when that is mended, resume, or do it by hand and say that it is done`;
}

function commands(parked: Parked, runId: string): readonly string[] {
  const { step, direction } = parked;
  const resolve = resolves(runId, step.name, direction);
  // To ask again would end in the same place.
  if (isUnknown(parked) && direction === "do" && step.unknown === "park" && !isUnmade(parked)) return resolve;
  const isForPerson = isUnknown(parked) || isRefused(parked);
  return isForPerson ? [...resolve, resume(runId)] : [resume(runId), ...resolve];
}
