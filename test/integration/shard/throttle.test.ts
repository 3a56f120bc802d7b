import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseMysqlUrl } from "../../../src/core/mysql/mysql-url.ts";
import { MoverSession } from "../../../src/core/shard/data/mover-session.ts";
import { makeThrottle, type ThrottleOptions } from "../../../src/core/shard/data/throttle.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { until } from "../../support/until.ts";

let server: MariaDb;

beforeAll(async () => {
  server = await startMariaDb();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Under whatever hosts the user is known. */
async function letSeeReplicas(): Promise<void> {
  const hosts = (await server.asRoot("SELECT host FROM mysql.user WHERE user = 'dcs'")).split("\n");
  for (const host of hosts) await server.asRoot(`GRANT SLAVE MONITOR ON *.* TO dcs@'${host}'`);
}

/** Asks again and again, and counts how often it was let go. */
async function asking(limit: Partial<ThrottleOptions>) {
  const target = parseMysqlUrl(`mysql://dcs@127.0.0.1:${server.port}/dcs`);
  const session = await MoverSession.open(target, systemClock, 10_000);
  const said: (string | null)[] = [];
  const onWait = (why: string | null) => void said.push(why);
  const throttle = makeThrottle({ clock: systemClock, watched: [session], everyMs: 20, onWait, ...limit });
  const stop = new AbortController();
  const state = { passed: 0 };
  const done = (async () => {
    while (!stop.signal.aborted) {
      await throttle(1, stop.signal);
      state.passed++;
      await sleep(5);
    }
  })();
  return {
    said,
    /** Resolves once nothing was let go for a while. */
    async stands() {
      await until(async () => {
        const before = state.passed;
        await sleep(200);
        return state.passed === before;
      });
    },
    async goes() {
      const before = state.passed;
      await until(() => state.passed > before + 3);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done.catch(() => {});
      session.destroy();
    },
  };
}

it("keeps away from a server that runs more statements than it may, until they are over", async () => {
  await using copy = await asking({ maxThreads: 2 });
  await copy.goes();
  await using one = server.session();
  await using two = server.session();
  const busy = [one, two].map((session) => session.run("DO SLEEP(1.5);"));
  await copy.stands();
  expect(copy.said.at(-1)).toMatch(/^a server that runs \d+ statements at once, more than 2$/);
  await Promise.all(busy);
  await copy.goes();
  expect(copy.said.at(-1)).toBeNull();
});

it("keeps away from a replica that does not follow, until it is none any more", async () => {
  await letSeeReplicas();
  await using copy = await asking({ maxLagS: 5 });
  await copy.goes();
  await server.asRoot("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'nobody'");
  await copy.stands();
  expect(copy.said.at(-1)).toBe("a replica that does not follow its source");
  await server.asRoot("RESET SLAVE ALL");
  await copy.goes();
});
