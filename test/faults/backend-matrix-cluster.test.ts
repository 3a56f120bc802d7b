import { afterAll, beforeAll, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import type { EtcdServer } from "../support/etcd.ts";
import { EtcdCluster } from "../support/etcd-cluster.ts";
import { expectWithin } from "../support/expect-within.ts";
import { fails, type Row, succeeds } from "../support/fault-matrix.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

/** A cluster of three members that loses its majority, and gets it back. */

let cluster: EtcdCluster;
const box = sandboxPerTest();

beforeAll(async () => {
  cluster = await EtcdCluster.start();
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

const member = (i: number) => cluster.members[i] as EtcdServer;
const row = (): Row => ({ where: ["--store", cluster.url] });

async function locks(): Promise<readonly string[]> {
  const { stdout } = await runDcs(["lock", "ls", "-o", "name", ...row().where]);
  return stdout.split("\n").filter(Boolean);
}

it("works with one member dead, fails in time with two, and recovers with the second", async () => {
  const web = box.start(
    "register",
    "web",
    "--endpoint",
    "10.0.0.1:80",
    "--ttl",
    "3s",
    "--json",
    ...row().where,
  );
  await until(() => web.stdout().includes('"registered"'), 20_000);
  const held = await runDcs(["lock", "acquire", "held", "--ttl", "10m", "--json", ...row().where]);
  expect(held.code).toBe(0);

  await member(0).kill();
  await succeeds(row(), ["acquire", "ls", "services"]);

  await member(1).kill();
  await fails(row(), ["acquire", "guarded", "ls", "services", "register"], {
    exit: 5,
    code: "STORE_UNREACHABLE",
    // The one that is left knows no leader, or has not noticed yet.
    says: /no leader|no answer within|request timed out/,
  });
  await until(() => web.stdout().includes('"lost"'), 20_000);

  await member(1).start();
  const back = performance.now();
  await until(() => web.stdout().includes('"reregistered"'), 20_000);
  expectWithin(performance.now() - back, 2000);
  // What was held still is; what could not be acquired is not there.
  await until(async () => (await locks()).join() === "held", 5000, 100);
  const { token } = held.json()["data"] as { token: string };
  const released = await runDcs(["lock", "release", "held", "--token", token, ...row().where]);
  expect(released.code).toBe(0);
});
