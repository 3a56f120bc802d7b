import type { Service } from "../../core/registry/catalog.ts";
import type { Instance } from "../../core/registry/instance.ts";
import { formatDuration } from "../../core/util/duration.ts";
import type { View } from "../output.ts";

/** An instance as JSON. */
export function instanceData(instance: Instance): Readonly<Record<string, unknown>> {
  const { id, endpoint, weight, version, zone, tags, status, detail, lease, registeredAt, foreign } =
    instance;
  return {
    id,
    endpoint,
    weight,
    version,
    zone,
    tags,
    status,
    detail,
    lease,
    registeredAt: registeredAt === null ? null : new Date(registeredAt).toISOString(),
    foreign,
  };
}

export function servicesData(services: readonly Service[]): { readonly services: readonly object[] } {
  return {
    services: services.map(({ name, instances }) => ({ name, instances: instances.map(instanceData) })),
  };
}

const HEAD = ["SERVICE", "ENDPOINT", "STATUS", "WEIGHT", "VERSION", "ZONE"] as const;
const HEAD_WIDE = [...HEAD, "TAGS", "LEASE", "AGE", "DETAIL"] as const;

export function servicesView(services: readonly Service[], empty: string): View {
  const instances = services.flatMap((service) => service.instances);
  const now = Date.now();
  return {
    table: () => ({ head: HEAD, rows: instances.map(cells), empty }),
    wide: () => ({ head: HEAD_WIDE, rows: instances.map((instance) => cellsWide(instance, now)), empty }),
    names: () => instances.map((instance) => instance.id),
  };
}

function cells(instance: Instance): readonly string[] {
  const { service, endpoint, status, weight, version, zone } = instance;
  return [service, endpoint, status, String(weight), version ?? "-", zone ?? "-"];
}

function cellsWide(instance: Instance, now: number): readonly string[] {
  const { tags, lease, registeredAt, detail, foreign } = instance;
  const age = registeredAt === null ? "-" : formatDuration(Math.max(0, now - registeredAt));
  const note = foreign ? "registered by another tool" : "-";
  return [...cells(instance), tags.join(",") || "-", lease ?? "-", age, detail ?? note];
}

/** Instances in one phrase: the id of one, the number of many. */
export function sayInstances(instances: readonly Instance[]): string {
  const [first] = instances;
  if (instances.length === 1 && first !== undefined) return first.id;
  const services = new Set(instances.map((instance) => instance.service));
  const [service] = services;
  const of = services.size === 1 ? service : `${services.size} services`;
  return `${instances.length} instances of ${of}`;
}
