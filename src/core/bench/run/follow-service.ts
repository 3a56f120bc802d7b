import { DcsError } from "../../errors.ts";
import type { Instance } from "../../registry/instance.ts";
import type { Store } from "../../store/store.ts";
import { ServiceResolver } from "../../traffic/service-resolver.ts";
import { systemClock } from "../../util/clock.ts";
import type { BenchTarget } from "../bench-target.ts";
import type { DriverInstance } from "../drive/driver.ts";

export type ServiceTarget = Extract<BenchTarget, { readonly kind: "service" }>;

/** The instances of the service that is benchmarked, as they come and go. */
export class FollowedService implements AsyncDisposable {
  readonly #resolver: ServiceResolver;
  readonly #numbers = new Map<string, number>();
  readonly #all: DriverInstance[] = [];
  readonly #listeners: Set<(instances: readonly DriverInstance[]) => void>;
  #now: readonly DriverInstance[] = [];

  private constructor(
    resolver: ServiceResolver,
    listeners: Set<(instances: readonly DriverInstance[]) => void>,
  ) {
    this.#resolver = resolver;
    this.#listeners = listeners;
    this.follow(resolver.instances);
  }

  /** SERVICE_NOT_FOUND when no instance of it (and of the version) takes requests. */
  static async open(store: Store, target: ServiceTarget, signal: AbortSignal): Promise<FollowedService> {
    const { service, version } = target;
    const listeners = new Set<(instances: readonly DriverInstance[]) => void>();
    const opened: { followed?: FollowedService } = {};
    const resolver = await ServiceResolver.open({
      store,
      service,
      clock: systemClock,
      ...(version === null ? {} : { filter: { version } }),
      onChange: ({ instances }) => opened.followed?.follow(instances),
      signal,
    });
    const followed = new FollowedService(resolver, listeners);
    opened.followed = followed;
    if (followed.now.length > 0) return followed;
    await resolver.close();
    const of = version === null ? service : `${service} of version ${version}`;
    throw new DcsError("SERVICE_NOT_FOUND", `no instance of ${of} takes requests`, {
      hint: `see what is there: dcs services ${service}`,
      details: { service, version },
    });
  }

  /** Those that take requests. */
  get now(): readonly DriverInstance[] {
    return this.#now;
  }

  /** All that there ever were. */
  get all(): readonly DriverInstance[] {
    return this.#all;
  }

  /** Calls back after each change; returns how to end that. */
  listen(listener: (instances: readonly DriverInstance[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resolver.close();
  }

  /** For the resolver: the list has changed. */
  follow(instances: readonly Instance[]): void {
    this.#now = instances.filter(({ weight }) => weight > 0).map((instance) => this.#known(instance));
    for (const listener of this.#listeners) listener(this.#now);
  }

  #known({ endpoint, version, weight }: Instance): DriverInstance {
    const known = this.#numbers.get(endpoint);
    const index = known ?? this.#all.length;
    const instance: DriverInstance = { index, endpoint, version, weight };
    this.#numbers.set(endpoint, index);
    this.#all[index] = instance;
    return instance;
  }
}
