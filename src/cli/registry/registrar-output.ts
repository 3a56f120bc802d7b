import { toDcsError } from "../../core/errors.ts";
import type { Instance } from "../../core/registry/instance.ts";
import type { RegistrarEvent } from "../../core/registry/registrar-events.ts";
import { formatDuration } from "../../core/util/duration.ts";
import type { Output } from "../output.ts";
import type { SideOutput } from "../side-output.ts";
import { instanceData, sayInstances } from "./instances.ts";

/** Where a registrant's events go: stdout, or with a command to --events and stderr. */
export interface EventSink {
  readonly out: Output;
  readonly events: SideOutput | null;
  readonly hasChild: boolean;
}

export function tellRegistrar(event: RegistrarEvent, sink: EventSink): void {
  const line = `${event.type.padEnd(12)}  ${describe(event)}`;
  if (event.type === "doubt") {
    sink.out.note(line);
    return;
  }
  const data = eventData(event);
  if (sink.hasChild) {
    sink.events?.write({ event: event.type, at: new Date().toISOString(), ...data });
    sink.out.note(line);
  } else {
    sink.out.event(event.type, data, line);
  }
}

/** `instance` when it is about one, `instances` always. */
function eventData(event: Exclude<RegistrarEvent, { readonly type: "doubt" }>): object {
  const { type: _type, instances, ...rest } = event;
  const all = instances.map((instance) => ({ service: instance.service, ...instanceData(instance) }));
  return { ...rest, ...(all.length === 1 ? { instance: all[0] } : {}), count: all.length, instances: all };
}

function describe(event: RegistrarEvent): string {
  switch (event.type) {
    case "doubt":
      return `the store does not answer, trying again: ${toDcsError(event.error).message}`;
    case "lost":
      return `${sayInstances(event.instances)}: ${WHY_LOST[event.reason]}; registering again`;
    case "taken":
      return `${sayInstances(event.instances)} is held by ${sayHolder(event.holder)}`;
    case "deregistered": {
      const why = event.reason === null ? "" : ` (${event.reason})`;
      return `${sayInstances(event.instances)} by ${event.by}${why}`;
    }
    case "draining":
      return `${sayInstances(event.instances)} for ${formatDuration(event.drainMs)}`;
    case "pending":
    case "unhealthy":
      return `${sayInstances(event.instances)}: ${sayDetail(event.instances)}`;
    default:
      return `${sayInstances(event.instances)} on lease ${event.lease}`;
  }
}

const WHY_LOST = {
  expired: "the lease could not be renewed in time",
  revoked: "the lease is gone",
  deleted: "the key was deleted",
} as const;

function sayHolder(holder: { readonly host: string; readonly pid: number } | null): string {
  return holder === null ? "another registrant" : `pid ${holder.pid} on ${holder.host}`;
}

function sayDetail(instances: readonly Instance[]): string {
  return instances[0]?.detail ?? "not ready";
}
