import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { eventLog, type MoveWorld, moveWorld } from "../../support/move-world.ts";
import { sharedEtcd } from "../../support/shared-etcd.ts";
import { until } from "../../support/until.ts";

describe("moves with etcd as the store", () => {
  const etcd = sharedEtcd();
  let server: MariaDb;
  let world: MoveWorld;
  beforeAll(async () => {
    server = await startMariaDb();
    world = await moveWorld(server, { url: `etcd://127.0.0.1:${etcd.server.port}${etcd.space()}` });
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  it("run several at once, and are taken up where another left them", async () => {
    const buckets = [1, 2, 3, 4, 5].map((n) => world.bucket(n));
    for (const bucket of buckets) await bucket.seed(50);
    const [src, dst] = world.names;
    const wanted = buckets.map(({ number }) => ({ bucket: number, src, dst }));
    const stop = new AbortController();
    {
      await using first = await world.rebalancer({
        concurrency: 2,
        signal: stop.signal,
        failpoint: (name) => {
          if (name === "verify:done") stop.abort();
        },
      });
      const { results, left } = await first.run(wanted, "first");
      expect(results.map(({ outcome }) => outcome)).toEqual(["stopped", "stopped"]);
      expect(left).toHaveLength(3);
    }
    await until(async () => (await world.shards.moves()).every(({ runner }) => runner === null));
    for (const bucket of buckets) expect(await bucket.put(3, "in between")).toBe(true);
    const { events, onEvent } = eventLog();
    await using second = await world.rebalancer({ onEvent });
    const { results } = await second.run(wanted, "second");
    expect(results.map(({ outcome, error }) => [outcome, error])).toEqual(wanted.map(() => ["moved", null]));
    expect(events.filter(({ kind }) => kind === "retry")).toEqual([]);
    for (const bucket of buckets) await bucket.settled(dst);
  });
});
