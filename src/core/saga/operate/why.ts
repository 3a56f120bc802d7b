import { formatDuration } from "../../util/duration.ts";
import type { Definition, Step } from "../definition/definition.ts";
import { retryOf } from "../engine/rules.ts";
import type { Direction, RunState, RunStatus } from "../engine/run-state.ts";
import type { RunRecord } from "../journal/journal.ts";
import { callOf, VERBS } from "./run-view.ts";
import { moment, nameOf, resume, sayCause } from "./say.ts";
import { whyParked } from "./why-parked.ts";

/** Why a run stands where it stands. */
export interface Why {
  readonly status: RunStatus;
  /** One sentence. */
  readonly because: string;
  /** What a person has to find out first; empty where nobody is needed. */
  readonly findOut: readonly string[];
  /** What to type, the likeliest first. */
  readonly next: readonly string[];
}

/** The cause of a run's present state in one sentence, and the next command. `now` is the journal's time, epoch ms. */
export function why(record: RunRecord, definition: Definition, now: number): Why {
  const { status, runId } = record.state;
  const show = `dcs saga show ${runId}`;
  const replay = `dcs saga replay ${runId} --dry-run`;
  const took = formatDuration(record.updatedAt - record.createdAt);
  switch (status) {
    case "completed":
      return {
        status,
        because: `it is completed: every step was done within ${took}`,
        findOut: [],
        next: [show],
      };
    case "compensated":
      return {
        status,
        because: `${turnedBecause(record.state)}, and ${leftBehind(record.state, definition)}`,
        findOut: [],
        next: [replay, show],
      };
    case "cancelled":
      return {
        status,
        because: `it was cancelled before anything was done: ${record.state.cause?.message ?? "no reason is known"}`,
        findOut: [],
        next: [replay],
      };
    case "parked": {
      const asked = waitingRequests(record, now);
      return asked === null ? whyParked(record, definition, now) : { status, findOut: [], ...asked };
    }
    case "running":
    case "compensating": {
      const going = status === "running" ? null : turnedBecause(record.state, "it is being undone");
      const how = waitingRequests(record, now) ?? whyLive(record, definition, now);
      const because = going === null ? how.because : `${going}; ${how.because}`;
      return { status, findOut: [], ...how, because };
    }
  }
}

interface Because {
  readonly because: string;
  readonly next: readonly string[];
}

function isHeld({ owner, dueAt }: RunRecord, now: number): boolean {
  return owner !== null && dueAt !== null && dueAt > now;
}

/** Something was asked for and not taken up yet: that comes first. */
function waitingRequests(record: RunRecord, now: number): Because | null {
  const [first] = record.requests;
  if (first === undefined) return null;
  const { runId } = record.state;
  const verbs = record.requests.map(({ event }) => VERBS[event.type]).join(", ");
  const asked = `${verbs} was asked for ${moment(first.at, now)}`;
  if (isHeld(record, now)) {
    return { because: `${asked}, and ${holder(record, now)} has yet to take it up`, next: [watch(runId)] };
  }
  return { because: `${asked}, and no worker has taken it up`, next: ["dcs saga worker", resume(runId)] };
}

function whyLive(record: RunRecord, definition: Definition, now: number): Because {
  const { owner, dueAt, claims, state } = record;
  const { runId } = state;
  const doing = underWay(record, definition, now);
  if (isHeld(record, now)) {
    const what = doing ?? "it is between two steps";
    return { because: `${what}; ${holder(record, now)} executes it`, next: [watch(runId)] };
  }
  if (owner === null && dueAt !== null && dueAt > now) {
    const what = doing ?? "it waits for a time of its own";
    return {
      because: `${what}; a worker takes it up at ${moment(dueAt, now)}`,
      next: [watch(runId), "dcs saga worker"],
    };
  }
  const tried = claims > 1 ? `, after ${claims} workers that took it got nowhere` : "";
  const since = dueAt === null ? "" : ` since ${moment(dueAt, now)}`;
  const gone =
    owner === null
      ? `it is due${since} and no worker has taken it`
      : `${owner}, which executed it, has not been heard of${since}, and no other worker has taken it`;
  const left = doing === null ? "" : `${doing}; `;
  return { because: `${left}${gone}${tried}`, next: [resume(runId), "dcs saga worker"] };
}

/** What is going on, or waited for, in one phrase; null where nothing is. */
function underWay(record: RunRecord, { steps }: Definition, now: number): string | null {
  const calls = steps.flatMap((step) =>
    (["do", "undo"] as const).map((direction) => sayCall(record, step, direction, now)),
  );
  const said = calls.filter((phrase) => phrase !== null);
  return said.length === 0 ? null : said.join(", and ");
}

function sayCall(record: RunRecord, step: Step, direction: Direction, now: number): string | null {
  const call = callOf(record, step.name, direction);
  const what = nameOf(step.name, direction);
  const after = call.error === null ? "" : ` (${call.error.message})`;
  if (call.status === "intent" && call.asks === "probe") {
    return `it is being asked whether ${what} took effect (probe ${call.probes} of ${step.retry.attempts})${after}`;
  }
  if (call.status === "intent" && !isHeld(record, now)) {
    return `what became of ${what}, attempt ${call.attempts}, was not written down`;
  }
  if (call.status === "intent") {
    const until = call.deadlineAt === null ? "" : ` until ${moment(call.deadlineAt, now)} at the latest`;
    const { attempts } = retryOf(step, direction);
    return `${what} is under way, attempt ${call.attempts - call.forgiven} of ${attempts}${until}`;
  }
  const later = call.notBefore > now ? ` at ${moment(call.notBefore, now)}` : "";
  if (call.status === "unknown") {
    return `it is not known whether ${what} took effect${after}, which is looked into${later === "" ? " next" : later}`;
  }
  if (call.status === "pending" && call.attempts > 0) {
    return `${what} is tried again${later === "" ? " next" : later}${after}`;
  }
  return null;
}

/** Why it turned around. */
function turnedBecause({ cause }: RunState, said = "it was undone"): string {
  if (cause === null) return said;
  return `${said} because ${sayCause(cause)}`;
}

function leftBehind(state: RunState, { steps }: Definition): string {
  const standing = steps
    .map(({ name }) => name)
    .filter((name) => state.steps[name]?.do.status === "done" && state.steps[name].undo.status !== "done");
  if (standing.length === 0) return "nothing of what it did is left";
  return `only what nothing undoes is left: ${standing.join(", ")}`;
}

function holder({ owner, dueAt }: RunRecord, now: number): string {
  return `${owner} (lease until ${moment(dueAt ?? now, now)})`;
}

function watch(runId: string): string {
  return `dcs saga show ${runId} --watch`;
}
