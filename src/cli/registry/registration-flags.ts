import { statSync } from "node:fs";
import { boolean, string } from "@oclif/core/flags";
import { DcsError } from "../../core/errors.ts";
import { DEFAULT_HEALTH_POLICY } from "../../core/registry/checks/health-monitor.ts";
import { CHECK_FORMS, parseCheck } from "../../core/registry/checks/parse-check.ts";
import { type InstanceSpec, instanceId, MAX_WEIGHT } from "../../core/registry/instance.ts";
import { brokenLabelRule, checkServiceName, parseEndpoint } from "../../core/registry/names.ts";
import type { Registration } from "../../core/registry/run-registration.ts";
import { childFlags, durationFlag, integerFlag, positiveDurationFlag, waitFlag } from "../flags.ts";

export const DEFAULT_TTL_MS = 5000;

/** Flags of `dcs register`. */
export const registrationFlags = {
  endpoint: string({ helpValue: "HOST:PORT", summary: "Where the instance listens; [::1]:8080 for IPv6" }),
  ttl: durationFlag({ summary: "Gone this long after the registrant has died (5s)" }),
  weight: integerFlag({
    min: 0,
    max: MAX_WEIGHT,
    default: 1,
    summary: "Share of the traffic; 0 gets none (1)",
  }),
  version: string({ helpValue: "VERSION", summary: "Version of the software" }),
  zone: string({ helpValue: "ZONE", summary: "Where it runs" }),
  tag: string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "TAG",
    summary: "A tag; may be repeated",
  }),
  check: string({ helpValue: "CHECK", summary: `Ready only while this passes: ${CHECK_FORMS}` }),
  "check-interval": positiveDurationFlag({ summary: "Between two checks (5s)" }),
  "check-timeout": positiveDurationFlag({
    summary: "A check without an answer for this long has failed (2s)",
  }),
  rise: integerFlag({ min: 1, max: 1000, summary: "Passes in a row that make it ready (1)" }),
  fall: integerFlag({ min: 1, max: 1000, summary: "Failures in a row that make it unready (3)" }),
  "deregister-after": positiveDurationFlag({
    summary: "Deregister an instance that was unready for this long",
  }),
  drain: durationFlag({ default: 0, summary: "Go on serving this long after deregistration (0)" }),
  wait: waitFlag({
    summary:
      "How long to wait for an address that another registrant holds (TTL + 1s); with --detach also for being ready",
  }),
  grace: durationFlag({ default: 10_000, summary: "With -- CMD: time between SIGTERM and SIGKILL (10s)" }),
  detach: boolean({ summary: "Leave a keeper process that holds the registration, print it, and end" }),
  file: string({
    helpValue: "FILE",
    exclusive: ["endpoint"],
    summary: "Instances from a .yaml or .json file",
  }),
  receipt: string({ helpValue: "FILE|fd:N", summary: "With -- CMD: write one JSON document at the end" }),
  events: string({
    helpValue: "FILE|fd:N",
    summary: "With -- CMD: write a JSON line for each thing that happens",
  }),
  ...childFlags,
};

export interface RegistrationValues {
  readonly endpoint?: string | undefined;
  readonly file?: string | undefined;
  readonly detach: boolean;
  readonly weight: number;
  readonly version?: string | undefined;
  readonly zone?: string | undefined;
  readonly tag?: readonly string[] | undefined;
  readonly check?: string | undefined;
  readonly ttl?: number | undefined;
  readonly "check-interval"?: number | undefined;
  readonly "check-timeout"?: number | undefined;
  readonly rise?: number | undefined;
  readonly fall?: number | undefined;
}

/** What is to be registered, from flags or the file they name. */
export async function readRegistrations(
  name: string | undefined,
  flags: RegistrationValues,
): Promise<{ readonly ttlMs: number; readonly instances: readonly Registration[] }> {
  const service = name === undefined ? null : checkServiceName(name);
  const labels = {
    weight: flags.weight,
    version: label(flags.version, "--version"),
    zone: label(flags.zone, "--zone"),
    tags: (flags.tag ?? []).map((tag) => label(tag, "--tag") ?? ""),
  };
  if (flags.file !== undefined) {
    if (flags.detach) refuseStream(flags.file);
    const { readInstancesFile } = await import("../../core/registry/instances-file.ts");
    const file = await readInstancesFile(flags.file, { service, ...labels, check: flags.check ?? null });
    const instances = file.instances.map(({ spec, check }) => ({
      spec,
      check: check === null ? null : parseCheck(check, "check"),
    }));
    return { ttlMs: flags.ttl ?? file.ttlMs ?? DEFAULT_TTL_MS, instances };
  }
  if (service === null) throw missing("NAME");
  if (flags.endpoint === undefined) throw missing("--endpoint");
  const { address } = parseEndpoint(flags.endpoint, "--endpoint");
  const check = flags.check === undefined ? null : parseCheck(flags.check);
  const spec: InstanceSpec = { service, endpoint: address, ...labels };
  return { ttlMs: flags.ttl ?? DEFAULT_TTL_MS, instances: [{ spec, check }] };
}

/** The health policy that flags ask for. */
export function healthPolicy(flags: RegistrationValues): typeof DEFAULT_HEALTH_POLICY {
  return {
    intervalMs: flags["check-interval"] ?? DEFAULT_HEALTH_POLICY.intervalMs,
    timeoutMs: flags["check-timeout"] ?? DEFAULT_HEALTH_POLICY.timeoutMs,
    rise: flags.rise ?? DEFAULT_HEALTH_POLICY.rise,
    fall: flags.fall ?? DEFAULT_HEALTH_POLICY.fall,
  };
}

/** What a keeper is called in the name of its log. */
export function keeperName(instances: readonly Registration[]): string {
  const [first] = instances;
  const id = first === undefined ? "none" : instanceId(first.spec);
  return (instances.length > 1 ? `${id}+${instances.length - 1}` : id).replace(/[^A-Za-z0-9._+-]/g, "_");
}

function label(text: string | undefined, flag: string): string | null {
  if (text === undefined) return null;
  const rule = brokenLabelRule(text);
  if (rule === null) return text;
  throw new DcsError("USAGE", `${flag}: ${JSON.stringify(text)} cannot be used: ${rule}`, {
    hint: "give 1 to 255 printable characters",
    details: { flag, value: text, rule },
  });
}

/** The keeper reads the file again, and a pipe is empty by then. */
function refuseStream(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== false) return;
  throw new DcsError(
    "USAGE",
    `--detach needs a --file that can be read twice, and ${file} is no regular file`,
    {
      hint: "write the instances to a file first",
      details: { flag: "--file", value: file },
    },
  );
}

function missing(what: string): DcsError {
  return new DcsError("USAGE", `${what} is missing`, {
    hint: "dcs register NAME --endpoint HOST:PORT, or dcs register --file instances.yaml",
    details: { missing: what },
  });
}
