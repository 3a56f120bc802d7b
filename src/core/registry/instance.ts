import { DRAIN_PREFIX, SERVICES_PREFIX, UNREADY_PREFIX } from "../store/keys.ts";
import type { KeyValue, LeaseId } from "../store/store.ts";
import { brokenEndpointRule, checkServiceName, parseEndpoint } from "./names.ts";

/** What the registrant says about one instance. */
export interface InstanceSpec {
  readonly service: string;
  /** `host:port`, as `parseEndpoint` accepts it. */
  readonly endpoint: string;
  /** Share of the traffic, 0 to MAX_WEIGHT; 0 gets none. */
  readonly weight: number;
  readonly version: string | null;
  readonly zone: string | null;
  readonly tags: readonly string[];
}

export const MAX_WEIGHT = 65_535;

export type InstanceStatus = "ready" | "unready";

/** One instance as the store has it. */
export interface Instance extends InstanceSpec {
  /** `<service>/<host:port>`; unique in the store. */
  readonly id: string;
  readonly status: InstanceStatus;
  /** Why it is not ready; null when it is. */
  readonly detail: string | null;
  /** Null for an instance that another tool registered without a lease. */
  readonly lease: LeaseId | null;
  /** Epoch ms; null when another tool registered it. */
  readonly registeredAt: number | null;
  /** True when another tool registered it (its metadata is not ours). */
  readonly foreign: boolean;
}

/** The three keys an instance may stand at; of `ready` and `unready`, exactly one exists at any time. */
export interface InstanceKeys {
  readonly ready: string;
  readonly unready: string;
  readonly drain: string;
}

export function instanceId(spec: { readonly service: string; readonly endpoint: string }): string {
  return `${spec.service}/${spec.endpoint}`;
}

export function instanceKeys(id: string): InstanceKeys {
  return { ready: SERVICES_PREFIX + id, unready: UNREADY_PREFIX + id, drain: DRAIN_PREFIX + id };
}

/** Service and endpoint of an id as people give it; NAME_INVALID or USAGE (naming `flag`) when it is none. */
export function parseInstanceId(
  id: string,
  flag: string,
): { readonly service: string; readonly endpoint: string } {
  const slash = id.indexOf("/");
  const service = checkServiceName(slash < 0 ? id : id.slice(0, slash));
  return { service, endpoint: parseEndpoint(id.slice(slash + 1), flag).address };
}

/** What of ours is kept in a value, beside what Go reads. */
interface Metadata {
  /** Marks the metadata as ours, and its format. */
  readonly dcs: 1;
  readonly weight: number;
  readonly version: string | null;
  readonly zone: string | null;
  readonly tags: readonly string[];
  readonly registeredAt: number;
  readonly detail?: string;
}

/**
 * The value of an instance in the layout of etcd's Go naming package: `{"Op":0,"Addr","Metadata"}`. Metadata is one
 * *string* (holding our JSON), because an object there panics grpc-go's balancers, which compare it.
 */
export function encodeInstance(spec: InstanceSpec, registeredAt: number, detail: string | null): string {
  const { weight, version, zone, tags } = spec;
  const ours: Metadata = {
    dcs: 1,
    weight,
    version,
    zone,
    tags,
    registeredAt,
    ...(detail === null ? {} : { detail }),
  };
  return JSON.stringify({ Op: 0, Addr: spec.endpoint, Metadata: JSON.stringify(ours) });
}

/** The instance at a key under SERVICES_PREFIX or UNREADY_PREFIX; null for a key that is no instance. */
export function decodeInstance(kv: KeyValue): Instance | null {
  const status: InstanceStatus = kv.key.startsWith(SERVICES_PREFIX) ? "ready" : "unready";
  const id = kv.key.slice((status === "ready" ? SERVICES_PREFIX : UNREADY_PREFIX).length);
  const slash = id.indexOf("/");
  if (slash <= 0) return null;
  const service = id.slice(0, slash);
  const outer = parseObject(kv.value);
  const endpoint = typeof outer?.["Addr"] === "string" ? outer["Addr"] : id.slice(slash + 1);
  if (outer?.["Addr"] === undefined && brokenEndpointRule(endpoint) !== null) return null;
  const ours = typeof outer?.["Metadata"] === "string" ? parseObject(outer["Metadata"]) : null;
  const base = { id, service, endpoint, status, lease: kv.lease };
  if (ours === null || ours["dcs"] !== 1) return { ...base, ...FOREIGN };
  return {
    ...base,
    weight: typeof ours["weight"] === "number" ? ours["weight"] : 1,
    version: textOrNull(ours["version"]),
    zone: textOrNull(ours["zone"]),
    tags: Array.isArray(ours["tags"]) ? ours["tags"].filter((tag) => typeof tag === "string") : [],
    registeredAt: typeof ours["registeredAt"] === "number" ? ours["registeredAt"] : null,
    detail: textOrNull(ours["detail"]),
    foreign: false,
  };
}

/** An instance of another tool takes part in traffic like any other, with the least said about it. */
const FOREIGN = {
  weight: 1,
  version: null,
  zone: null,
  tags: [],
  registeredAt: null,
  detail: null,
  foreign: true,
} as const;

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  // Metadata of other tools is often plain text: a throw for each would cost more than this look.
  if (!text.startsWith("{")) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
