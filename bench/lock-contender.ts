/**
 * One of several processes that contend for one lock: acquire, note the time, release, as often as possible.
 * `node lock-contender.ts dcs|proper-lockfile PATH SECONDS`. Waits for a line on stdin, then prints one JSON array of
 * [acquired, released] in CLOCK_MONOTONIC ms.
 */
import lockfile from "proper-lockfile";
import { openLocks } from "../src/core/lock/open-locks.ts";
import { currentHolder } from "../src/core/process/identity.ts";
import { systemClock } from "../src/core/util/clock.ts";

const [peer = "", path = "", seconds = "5"] = process.argv.slice(2);

async function dcsCycle(): Promise<() => Promise<() => Promise<void>>> {
  const locks = await openLocks({ url: `embedded:${path}`, timeoutMs: 10_000, stateDir: "/nonexistent" });
  const holder = currentHolder();
  return async () => {
    const hold = await locks.acquire({
      name: "contended",
      ttlMs: 30_000,
      waitMs: Number.POSITIVE_INFINITY,
      holder,
      detached: false,
    });
    return () => locks.release("contended", hold.token);
  };
}

async function properLockfileCycle(): Promise<() => Promise<() => Promise<void>>> {
  // Its quickest setting that does not burn a core.
  const retries = { forever: true, minTimeout: 1, maxTimeout: 10, randomize: true };
  return () => lockfile.lock(path, { realpath: false, retries });
}

const acquire = await (peer === "dcs" ? dcsCycle() : properLockfileCycle());
const holds: [number, number][] = [];
process.stdout.write("ready\n");
await new Promise((resolve) => process.stdin.once("data", resolve));
process.stdin.destroy();
const end = systemClock.monotonic() + Number(seconds) * 1000;
while (systemClock.monotonic() < end) {
  const release = await acquire();
  const acquired = systemClock.monotonic();
  const released = systemClock.monotonic();
  await release();
  holds.push([acquired, released]);
}
process.stdout.write(`${JSON.stringify(holds)}\n`);
