import { userInfo } from "node:os";
import { DcsError } from "../../core/errors.ts";
import { currentHolder } from "../../core/process/identity.ts";
import { deregisterInstances, findInstances, untilDrained } from "../../core/registry/deregister.ts";
import { type Instance, parseInstanceId } from "../../core/registry/instance.ts";
import { checkServiceName, parseEndpoint } from "../../core/registry/names.ts";
import type { Store } from "../../core/store/store.ts";
import { systemClock } from "../../core/util/clock.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { within } from "../../core/util/within.ts";
import type { Output } from "../output.ts";
import { instanceData } from "./instances.ts";

/** The instances a user names by ID, by SERVICE and --endpoint, or by SERVICE and --all. */
export async function targetInstances(
  store: Store,
  target: string,
  flags: { readonly endpoint?: string | undefined; readonly all: boolean },
  signal: AbortSignal,
): Promise<readonly Instance[]> {
  if (target.includes("/")) {
    const flag = flags.all ? "--all" : "--endpoint";
    if (flags.all || flags.endpoint !== undefined) {
      throw new DcsError("USAGE", `${target} names one instance, so ${flag} has no meaning`, {
        details: { flag },
      });
    }
    const { service, endpoint } = parseInstanceId(target, "ID");
    return findInstances(store, service, endpoint, { signal });
  }
  const service = checkServiceName(target);
  const endpoint = flags.endpoint === undefined ? null : parseEndpoint(flags.endpoint, "--endpoint").address;
  const found = await findInstances(store, service, endpoint, { signal });
  if (endpoint !== null || flags.all || found.length === 1) return found;
  throw new DcsError("USAGE", `${service} has ${found.length} instances: say which one`, {
    hint: `dcs deregister ${found[0]?.id}, or dcs deregister ${service} --all`,
    details: { missing: "--endpoint or --all", instances: found.slice(0, 20).map((one) => one.id) },
  });
}

interface DeregisterRun {
  readonly store: Store;
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly reason: string | null;
  readonly waitMs: number;
}

export async function runDeregister(instances: readonly Instance[], run: DeregisterRun): Promise<void> {
  const { store, out, signal, reason, waitMs } = run;
  const { host, pid } = currentHolder();
  const by = `${userName()}@${host} (pid ${pid})`;
  const done = await deregisterInstances(store, { instances, by, reason, clock: systemClock }, { signal });
  // Of another tool's registrant nothing tells when it ends.
  const watched = waitMs > 0 ? done.filter((one) => !one.foreign && one.lease !== null) : [];
  if (watched.length > 0) await waitForEnd(store, watched, waitMs, signal);
  const ended = waitMs > 0 && watched.length === done.length ? true : null;
  const data = { instances: done.map(instanceData), count: done.length, by, reason, ended };
  out.result("deregister", data, {
    lines: () =>
      done.map(
        (one) => `deregistered  ${one.id}${watched.includes(one) ? "  its registrant has ended" : ""}`,
      ),
    names: () => done.map((one) => one.id),
  });
}

async function waitForEnd(
  store: Store,
  instances: readonly Instance[],
  waitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ended = await within(systemClock, waitMs, signal, async (both) => {
    await untilDrained(store, instances, systemClock, both);
    return true;
  });
  if (ended !== null) return;
  throw new DcsError("WAIT_TIMEOUT", `deregistered, but not drained within ${formatDuration(waitMs)}`, {
    details: { waitMs, instances: instances.slice(0, 20).map((one) => one.id) },
  });
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}
