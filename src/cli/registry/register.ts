import { DcsError, toDcsError } from "../../core/errors.ts";
import { currentHolder } from "../../core/process/identity.ts";
import type { HealthPolicy } from "../../core/registry/checks/health-monitor.ts";
import type { Instance } from "../../core/registry/instance.ts";
import type { Registrar } from "../../core/registry/registrar.ts";
import type { RegistrarEvent } from "../../core/registry/registrar-events.ts";
import { type Registration, runRegistration } from "../../core/registry/run-registration.ts";
import type { Store } from "../../core/store/store.ts";
import { systemClock } from "../../core/util/clock.ts";
import type { Output } from "../output.ts";
import { sideOutput } from "../side-output.ts";
import { instanceData } from "./instances.ts";
import { type KeeperLink, keeperLink } from "./keeper-link.ts";
import { Lateness, READY_MS } from "./lateness.ts";
import { tellRegistrar } from "./registrar-output.ts";

export interface RegisterInput {
  readonly instances: readonly Registration[];
  readonly ttlMs: number;
  readonly waitMs: number | undefined;
  readonly drainMs: number;
  readonly deregisterAfterMs: number | undefined;
  readonly graceMs: number;
  readonly health: HealthPolicy;
  readonly child: readonly string[];
  readonly receipt: string | undefined;
  readonly events: string | undefined;
}

export interface RegisterRun {
  /** Opens the store. */
  readonly store: () => Promise<Store>;
  readonly out: Output;
  readonly signal: AbortSignal;
}

/** Stays registered until told to go; the exit status is the command's own, 0 without one. */
export async function runRegister(input: RegisterInput, run: RegisterRun): Promise<number> {
  const keeper = keeperLink();
  try {
    refuseWithoutChild(input);
    return await stay(input, run, await run.store(), keeper);
  } catch (error) {
    keeper?.failed(error);
    throw error;
  }
}

async function stay(
  input: RegisterInput,
  run: RegisterRun,
  store: Store,
  keeper: KeeperLink | null,
): Promise<number> {
  const { child } = input;
  const { out } = run;
  const warn = (message: string) => out.warn("SIDE_OUTPUT", message);
  using receipt = sideOutput(input.receipt, "--receipt", warn);
  using events = sideOutput(input.events, "--events", warn);
  const ready = new Map<string, Instance>();
  let registrar: Registrar | null = null;
  let last: RegistrarEvent | null = null;
  const late = keeper === null ? null : new Lateness(input.waitMs ?? READY_MS, () => unready(registrar));
  const tellReady = () => {
    if (registrar === null || ready.size < input.instances.length) return;
    late?.cancel();
    const instances = [...ready.values()].map(instanceData);
    keeper?.ready({ instance: instances[0], instances, lease: registrar.lease, ttlMs: registrar.ttlMs });
  };
  try {
    const status = await runRegistration({
      ...input,
      store,
      clock: systemClock,
      holder: currentHolder(),
      command: child,
      signal: late === null ? run.signal : AbortSignal.any([run.signal, late.signal]),
      onStarted: (started) => {
        registrar = started;
        late?.start();
        tellReady();
      },
      onEvent: (event) => {
        tellRegistrar(event, { out, events, hasChild: child.length > 0 });
        if (event.type === "deregistered") last = event;
        if (event.type !== "registered") return;
        for (const instance of event.instances) ready.set(instance.id, instance);
        tellReady();
      },
      onLeft: (error) =>
        out.warn(
          "NOT_DEREGISTERED",
          `what was registered stays until its TTL ends: ${toDcsError(error).message}`,
        ),
    });
    if (late?.signal.aborted === true) throw late.signal.reason;
    receipt?.write({
      schema: "dcs.register.receipt/1",
      ok: true,
      ...farewell(last),
      exit: status,
      exitOrigin: "child",
    });
    keeper?.cleanUp();
    return status;
  } catch (error) {
    const { code, message } = toDcsError(error);
    receipt?.write({
      schema: "dcs.register.receipt/1",
      ok: false,
      exitOrigin: "dcs",
      error: { code, message },
    });
    throw error;
  }
}

/** The first instance that is not ready, and why. */
function unready(registrar: Registrar | null): string | null {
  const one = registrar?.instances.find(({ status }) => status === "unready");
  return one === undefined ? null : `${one.id}: ${one.detail ?? "no check has passed"}`;
}

function farewell(event: RegistrarEvent | null): object {
  return event?.type === "deregistered" ? { by: event.by, reason: event.reason } : {};
}

function refuseWithoutChild(input: RegisterInput): void {
  const flag = (["receipt", "events"] as const).find((name) => input[name] !== undefined);
  if (input.child.length > 0 || flag === undefined) return;
  throw new DcsError("USAGE", `--${flag} needs a command after --`, {
    details: { flag: `--${flag}` },
    hint: "without a command, --json prints the events on stdout",
  });
}
