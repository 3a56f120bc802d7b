import type { InstanceSpec } from "../../../src/core/registry/instance.ts";
import type { Registrar } from "../../../src/core/registry/registrar.ts";
import type { RegistrarEvent } from "../../../src/core/registry/registrar-events.ts";
import type { RegistrarOptions } from "../../../src/core/registry/registrar-options.ts";
import type { LeaseInfo, Store } from "../../../src/core/store/store.ts";

/** An instance of `web`. */
export function spec(endpoint = "10.0.0.1:80", over: Partial<InstanceSpec> = {}): InstanceSpec {
  return { service: "web", endpoint, weight: 1, version: null, zone: null, tags: [], ...over };
}

/** A registrar and what it said. */
export interface Running {
  readonly registrar: Registrar;
  readonly events: RegistrarEvent[];
  readonly said: () => string[];
}

/** What each test of the suite has: two connections to the same data, and a signal that is aborted when it ends. */
export interface RegistryWorld {
  readonly store: Store;
  readonly other: Store;
  readonly stop: AbortController;
  readonly register: (specs: readonly InstanceSpec[], over?: Partial<RegistrarOptions>) => Promise<Running>;
  readonly ids: () => Promise<readonly string[]>;
  readonly heldLeases: () => Promise<readonly LeaseInfo[]>;
}
