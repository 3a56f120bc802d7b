import { isDcsError } from "../errors.ts";
import type { Holder, LeaseId, Revision } from "../store/store.ts";
import { backoffDelay } from "../util/backoff.ts";
import { sleep } from "../util/clock.ts";
import { Announcer } from "./announce.ts";
import { type Entry, entryInstance, isPending, newEntry } from "./entry.ts";
import type { Instance } from "./instance.ts";
import { Leaver } from "./leaver.ts";
import { observe, type Scope, scopeOf } from "./observe.ts";
import { OwnWatch } from "./own-watch.ts";
import type { Farewell } from "./registrar-events.ts";
import { RegistrarLease } from "./registrar-lease.ts";
import { checkTtl, mayPass, type RegistrarOptions, SETTLE_MS } from "./registrar-options.ts";
import { moveEntries } from "./sync.ts";
import { takenError } from "./taken.ts";
import { Wake } from "./wake.ts";

const RETRY = { initialMs: 20, factor: 2, maxMs: 500 };
/** While an address is taken the watch tells when it is free; this is the second line. */
const TAKEN_LOOK_MS = 1000;

/**
 * Keeps instances registered: one lease, many instances on it, in transactions that compare our own lease.
 *
 * One loop does everything in turn (grant, look, move, tell), so that health, watch, lease and caller only say what
 * they want or saw and ring its bell. What is lost without a drain marker comes back by itself.
 */
export class Registrar implements AsyncDisposable {
  /** Settles when none of its instances is left (deregistered from outside, or by `deregisterAfterMs`) and drained. */
  readonly finished: Promise<Farewell>;
  readonly #o: RegistrarOptions;
  readonly #entries: readonly Entry[];
  readonly #byId: ReadonlyMap<string, Entry>;
  readonly #tell: Announcer;
  readonly #leaver: Leaver;
  readonly #scope: Scope;
  readonly #lease: RegistrarLease;
  readonly #wake = new Wake();
  readonly #watch: OwnWatch;
  readonly #stop = new AbortController();
  readonly #settle: PromiseWithResolvers<Farewell>;
  #mustLook = true;
  /** The revision before anything of ours was written. */
  #watchFrom: Revision | null = null;
  #loss: "expired" | "revoked" | null = null;
  #loop: Promise<void> = Promise.resolve();

  private constructor(options: RegistrarOptions) {
    const { clock, store, instances, holder, ttlMs } = options;
    this.#o = options;
    const now = clock.now();
    this.#entries = instances.map(({ spec, checked }) =>
      newEntry(spec, checked ? "unready" : "ready", checked ? "no check has passed yet" : null, now),
    );
    this.#byId = new Map(this.#entries.map((entry) => [entry.id, entry]));
    this.#tell = new Announcer(this.#entries, store, options.onEvent);
    this.#scope = scopeOf(this.#entries);
    this.#lease = new RegistrarLease(holder, {
      store,
      clock,
      ttlMs,
      onLost: (reason) => {
        this.#loss = reason;
        this.#wake.ring();
      },
      onDoubt: (error) => this.#o.onEvent({ type: "doubt", error }),
    });
    this.#watch = new OwnWatch(this.#entries, {
      store,
      clock,
      signal: this.#stop.signal,
      lease: () => this.#lease.id,
      onNews: () => this.#wake.ring(),
    });
    this.#settle = Promise.withResolvers<Farewell>();
    this.#leaver = new Leaver({
      options,
      entries: this.#entries,
      lease: () => this.#lease.id,
      onLeave: () => this.#wake.ring(),
      onFinished: (farewell) => this.#settle.resolve(farewell),
    });
    this.finished = this.#settle.promise;
    // A caller that deregisters by itself never looks at it.
    this.finished.catch(() => {});
  }

  /**
   * Registers everything, waiting for addresses that are taken; INSTANCE_TAKEN (and nothing is left registered) when
   * the wait runs out. Instances with a check stand as unready then.
   */
  static async start(options: RegistrarOptions): Promise<Registrar> {
    checkTtl(options.store, options.ttlMs);
    const registrar = new Registrar(options);
    try {
      await registrar.#begin();
    } catch (error) {
      // The caller has waited long enough; what cannot be told now, the TTL ends.
      await registrar.close(AbortSignal.timeout(SETTLE_MS)).catch(() => {});
      throw error;
    }
    registrar.#loop = registrar.#run();
    return registrar;
  }

  /** Null while a lost lease has not been replaced. */
  get lease(): LeaseId | null {
    return this.#lease.id;
  }

  /** The TTL that was granted. */
  get ttlMs(): number {
    return this.#lease.ttlMs;
  }

  get instances(): readonly Instance[] {
    return this.#entries.map((entry) => entryInstance(entry, this.#lease.id));
  }

  /** What the check of an instance says. */
  setHealth(id: string, healthy: boolean, detail: string | null): void {
    const entry = this.#byId.get(id);
    if (entry === undefined || entry.leaving) return;
    entry.want = healthy ? "ready" : "unready";
    entry.detail = healthy ? null : detail;
    this.#leaver.noteHealth(entry, healthy);
    this.#wake.ring();
  }

  /** Says which process group belongs to the registrant, so that the store sees a crash only when that is gone too. */
  setHolder(holder: Holder): Promise<void> {
    return this.#lease.setHolder(holder);
  }

  /** Takes everything out of the catalogue at once; resolves when that is done and drained. */
  async deregister(farewell: Farewell, options: { readonly drain: boolean }): Promise<void> {
    const leaving = this.#entries.filter((entry) => !entry.leaving);
    const instances = leaving.map((entry) => entryInstance(entry, null));
    for (const entry of leaving) entry.leaving = true;
    await this.close();
    const said = this.#leaver.say(this.#entries);
    this.#o.onEvent({ type: "deregistered", instances, ...farewell });
    const { drainMs = 0, clock } = this.#o;
    if (options.drain && drainMs > 0 && instances.length > 0) {
      this.#o.onEvent({ type: "draining", instances, drainMs });
      await sleep(clock, drainMs);
    }
    await said;
  }

  /** Ends the lease and everything on it, without a word. */
  async close(signal?: AbortSignal): Promise<void> {
    this.#stop.abort();
    this.#leaver.stop();
    const revoked = this.#lease.revoke(signal);
    revoked.catch(() => {});
    await this.#loop;
    await revoked;
    // The loop may have been in the middle of a grant.
    if (this.#lease.id !== null) await this.#lease.revoke(signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #begin(): Promise<void> {
    const { store, clock, signal = this.#stop.signal } = this.#o;
    for (const entry of this.#entries) this.#leaver.noteHealth(entry, entry.want === "ready");
    const started = clock.monotonic();
    for (;;) {
      signal.throwIfAborted();
      await this.#reconcile();
      const waiting = this.#entries.filter((entry) => !entry.leaving && isPending(entry));
      if (waiting.length === 0) return;
      const taken = waiting.filter((entry) => entry.takenBy !== null);
      const waited = clock.monotonic() - started;
      const wait = this.#o.waitMs ?? this.#lease.ttlMs + 1000;
      if (taken.length === 0) continue;
      if (waited >= wait) throw await takenError(store, taken, waited);
      await this.#wake.wait(clock, Math.min(wait - waited, TAKEN_LOOK_MS), signal);
      this.#mustLook = true;
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { clock } = this.#o;
    for (let failures = 0; ; ) {
      const taken = this.#entries.some((entry) => entry.takenBy !== null);
      await this.#wake.wait(clock, taken ? TAKEN_LOOK_MS : Number.POSITIVE_INFINITY, signal);
      if (signal.aborted) return;
      if (taken) this.#mustLook = true;
      try {
        await this.#reconcile();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (isDcsError(error, "LEASE_NOT_FOUND")) this.#loss = "revoked";
        else if (!mayPass(error)) return this.#settle.reject(error);
        else this.#o.onEvent({ type: "doubt", error });
        this.#mustLook = true;
        this.#wake.ring();
        await sleep(clock, backoffDelay(RETRY, failures++), signal).catch(() => {});
      }
    }
  }

  async #reconcile(): Promise<void> {
    if (this.#loss !== null) this.#loseAll(this.#loss);
    const { store } = this.#o;
    const { signal } = this.#stop;
    const fresh = this.#lease.id === null;
    const lease = await this.#lease.ensure();
    signal.throwIfAborted();
    this.#watchFrom ??= (await store.list(this.#scope.drain, { signal })).revision + 1;
    if (this.#watch.takeNews()) this.#mustLook = true;
    // On a new lease nothing of ours can stand; a key in the way shows in the transaction.
    if (this.#mustLook && !(fresh && this.#entries.every((entry) => entry.takenBy === null))) {
      if (!(await this.#look(lease))) return;
    }
    this.#mustLook = false;
    const moving = this.#entries.filter(
      (entry) => isPending(entry) && (entry.takenBy === null || entry.want === "none"),
    );
    const clean = moving.length === 0 || (await moveEntries(store, lease, moving, { signal }));
    if (!clean) {
      await this.#look(lease);
      this.#wake.ring();
    }
    this.#tell.changes(lease);
    await this.#tell.taken();
    // After the first registration is told: the watch begins with all of our own puts.
    this.#watch.start(this.#watchFrom, this.#scope);
  }

  /** False when the lease turned out to be gone. */
  async #look(lease: LeaseId): Promise<boolean> {
    const { store } = this.#o;
    const { signal } = this.#stop;
    this.#mustLook = true;
    const seen = await observe(store, lease, this.#entries, this.#scope, { signal });
    for (const { entry, marker } of seen.drained)
      this.#leaver.leave(entry, { by: marker.by, reason: marker.reason });
    if (seen.missing.length > 0) {
      const leaseGone = (await store.lease(lease, { signal })) === null;
      this.#tell.lost(lease, seen.missing, leaseGone ? "revoked" : "deleted");
      if (leaseGone) {
        this.#loseAll("revoked");
        this.#wake.ring();
        return false;
      }
    }
    this.#mustLook = false;
    return true;
  }

  #loseAll(reason: "expired" | "revoked"): void {
    this.#loss = null;
    const lease = this.#lease.id;
    if (lease === null) return;
    const stood = this.#entries.filter((entry) => entry.at !== "none" && !entry.leaving);
    this.#tell.lost(lease, stood, reason);
    for (const entry of this.#entries) entry.at = "none";
    this.#lease.drop();
    this.#mustLook = true;
  }
}
