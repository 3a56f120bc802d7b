import { afterEach, expect, it } from "vitest";
import { listServices } from "../../src/core/registry/catalog.ts";
import { encodeInstance } from "../../src/core/registry/instance.ts";
import { watchServices } from "../../src/core/registry/watch-services.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import type { Op, Store } from "../../src/core/store/store.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { EtcdServer } from "../support/etcd.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";

/**
 * A watcher of the catalogue against the truth, while instances come, move and go and etcd is compacted, killed, cut off and
 * restored without its data. `DCS_TEST_SEED=n` repeats one run, `DCS_TEST_SEEDS=n` makes more of them.
 */

const STEPS = 40;
const INSTANCES = 8;
const given = process.env["DCS_TEST_SEED"];
const first = given === undefined ? Date.now() % 1_000_000 : Number(given);
const SEEDS = Array.from(
  { length: Number(process.env["DCS_TEST_SEEDS"] ?? (process.env["DCS_LONG"] === "1" ? 20 : 2)) },
  (_, n) => first + n,
);

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

it.each(SEEDS)("a watcher misses nothing and nothing comes back to it: seed %i", async (seed) => {
  const random = mulberry32(seed);
  const below = (n: number) => Math.floor(random() * n);
  const server = await EtcdServer.start();
  open.push({ [Symbol.asyncDispose]: () => server.stop() });
  const proxy = await FaultyProxy.start(server.port);
  open.push(proxy);
  const direct = await server.open();
  const watched = await openStore(`etcd://127.0.0.1:${proxy.port}`, {
    timeoutMs: 1000,
    stateDir: "/nowhere",
  });
  open.push(direct, watched);
  const stop = new AbortController();
  open.push({ [Symbol.asyncDispose]: async () => stop.abort() });

  const watcher = new Watcher(watched, stop.signal);
  let version = 0;

  /** Puts, moves or deletes a few instances in one transaction. */
  async function change(): Promise<void> {
    const ops = new Map<string, Op>();
    for (let n = below(3); n >= 0; n--) {
      const id = `web/10.0.0.${below(INSTANCES)}:80`;
      const [ready, unready] = [`/services/${id}`, `/dcs/unready/${id}`];
      const to = [ready, ready, unready, null][below(4)];
      for (const key of [ready, unready]) {
        ops.set(key, to === key ? { put: key, value: value(id, ++version) } : { delete: key });
      }
    }
    await direct.txn({ ops: [...ops.values()] });
  }

  const faults = {
    compact: async () => {
      const { revision } = await direct.list("/services/");
      server.mustCtl("compact", String(revision));
    },
    kill: async () => {
      await server.kill();
      await server.start();
    },
    wipe: async () => {
      await server.kill();
      server.wipe();
      // A watch that comes back late may take the new store for its own, also after the next agreement.
      waitMs = 6000;
      await server.start();
    },
    cut: async () => proxy.cut(),
    away: async () => {
      proxy.mode = "black-hole";
      proxy.cut();
      for (let n = below(4); n >= 0; n--) await change();
      if (below(2) === 0) await faults.compact();
      proxy.mode = "pass";
      proxy.cut();
    },
  };
  let waitMs = 500;
  const agree = () => watcher.agrees(direct, ++version, waitMs);
  const names = ["compact", "cut", "away", "away", "kill", "wipe"] as const;
  const done: string[] = [];
  try {
    await change();
    await until(() => watcher.isCurrent);
    for (let step = 0; step < STEPS; step++) {
      const fault = below(6) === 0 ? names[below(names.length)] : undefined;
      if (fault !== undefined) {
        done.push(fault);
        await faults[fault]();
      }
      await change();
      if (below(10) === 0) await agree();
    }
    await agree();
    expect(watcher.wrong).toEqual([]);
  } catch (error) {
    const history = `seed ${seed}: ${done.join(" ")}\n${watcher.said.slice(-30).join("\n")}`;
    throw new Error(`${String(error)}\n${history}`, { cause: error });
  }
});

function value(id: string, version: number): string {
  const [service = "", endpoint = ""] = id.split("/");
  const spec = { service, endpoint, weight: 1, version: `v${version}`, zone: null, tags: [] };
  return encodeInstance(spec, 0, null);
}

/** What a watcher was told, and what of it cannot be. */
class Watcher {
  readonly wrong: string[] = [];
  readonly said: string[] = [];
  readonly #now = new Map<string, string>();
  readonly #newest = new Map<string, number>();
  isCurrent = false;

  constructor(store: Store, signal: AbortSignal) {
    void this.#run(store, signal);
  }

  async #run(store: Store, signal: AbortSignal): Promise<void> {
    for await (const step of watchServices(store, {}, systemClock, signal)) {
      for (const { type, instance } of step.changes) {
        const { id, status, version } = instance;
        const text = `${type} ${id} ${status} ${version}`;
        this.said.push(text);
        const before = this.#now.get(id);
        const number = Number(version?.slice(1));
        if ((type === "added") !== (before === undefined)) this.wrong.push(`${text}, and it was ${before}`);
        if (type !== "removed" && number <= (this.#newest.get(id) ?? 0)) this.wrong.push(`${text} is old`);
        this.#newest.set(id, Math.max(number, this.#newest.get(id) ?? 0));
        if (type === "removed") this.#now.delete(id);
        else this.#now.set(id, `${id} ${status} ${version}`);
      }
      const all = step.services().flatMap(({ instances }) => instances);
      const whole = all.map(({ id, status, version }) => `${id} ${status} ${version}`);
      if (String(whole.sort()) !== String([...this.#now.values()].sort()))
        this.wrong.push("the changes do not add up to the state");
      this.isCurrent = true;
    }
  }

  /**
   * Puts a last instance of a known version under each of the two prefixes, for each has a watch, and one may be in its
   * back-off (up to 1 s) when the other is back. Once the watcher has both, it must know all that was before.
   */
  async agrees(direct: Store, version: number, waitMs: number): Promise<void> {
    const [ready, unready] = ["web/10.0.1.1:80", "web/10.0.1.2:80"];
    await direct.txn({
      ops: [
        { put: `/services/${ready}`, value: value(ready, version) },
        { put: `/dcs/unready/${unready}`, value: value(unready, version) },
      ],
    });
    await until(() => this.#now.get(ready) === `${ready} ready v${version}`, 10_000);
    await until(() => this.#now.get(unready) === `${unready} unready v${version}`, 10_000);
    const { services } = await listServices(direct, {});
    const truth = services.flatMap(({ instances }) => instances);
    const said = truth.map((one) => `${one.id} ${one.status} ${one.version}`);
    // A store that is another behind the watch is noticed by the next heartbeat.
    await until(() => String(said.sort()) === String([...this.#now.values()].sort()), waitMs).catch(() => {
      throw new Error(`the watcher has ${[...this.#now.values()].sort()}, the store has ${said}`);
    });
  }
}

/** A small generator that the seed decides: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
