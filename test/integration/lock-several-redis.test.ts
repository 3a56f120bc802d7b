import { afterEach, describe, expect, it } from "vitest";
import { redisCli } from "../faults/kit/redis-cli.ts";
import { runDcs } from "../support/cli.ts";
import { startQuorum } from "../support/redis-quorum.ts";
import { startSentinels } from "../support/redis-sentinel.ts";

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

describe("lock break on a quorum", () => {
  it.each([
    ["a string", ["SET", "shop:config", "precious"]],
    ["a hash", ["HSET", "shop:config", "a", "precious"]],
  ])("touches no key of an application: %s", async (_what, command) => {
    const quorum = await startQuorum(3);
    stops.push(() => quorum.stop());
    for (const { port } of quorum.servers) await redisCli(port, ...command);
    const words = ["lock", "break", "shop:config", "--reason", "x", "--yes", "--locks", quorum.url()];
    for (const more of [[], ["--now"]]) {
      const run = await runDcs([...words, ...more, "--json"]);
      expect([run.code, run.json()["error"]]).toMatchObject([3, { code: "LOCK_FOREIGN" }]);
    }
    const foreign = await runDcs([...words, "--foreign", "precious", "--json"]);
    expect([foreign.code, foreign.json()["error"]]).toMatchObject([2, { code: "USAGE" }]);
    for (const { port } of quorum.servers) {
      expect(await redisCli(port, "EXISTS", "shop:config")).toBe(":1");
    }
  });
});

describe("lock acquire on a quorum", () => {
  it("has no slots and no readers, and says why a hold has no fence", async () => {
    const quorum = await startQuorum(3);
    stops.push(() => quorum.stop());
    const acquire = (...flags: readonly string[]) =>
      runDcs(["lock", "acquire", "a", ...flags, "--locks", quorum.url()]);
    for (const flags of [["--shared"], ["--slots", "2"]]) {
      const { code, stderr } = await acquire(...flags);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("LOCK_MODE_UNSUPPORTED") });
    }
    const { code, stdout } = await acquire("--no-fence");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining("fence    none, as asked\n"),
    });
  });
});

describe("lock doctor", () => {
  it("says that a master behind Sentinels is for efficiency only, whatever it keeps", async () => {
    const setUp = await startSentinels();
    stops.push(() => setUp.stop());
    const run = await runDcs([
      ...["lock", "doctor", "--require", "correctness", "--json", "--locks", setUp.url],
    ]);
    expect([run.code, run.json()["error"]]).toMatchObject([99, { code: "GRADE_INSUFFICIENT" }]);
    expect(run.json()["data"]).toMatchObject({
      topology: "sentinel",
      grade: "efficiency only",
      passes: false,
    });
  });

  it("says of a quorum that has just started that no lock can be taken", async () => {
    const quorum = await startQuorum(3);
    stops.push(() => quorum.stop());
    const url = quorum.url().replace(/\?.*$/, "");
    const run = await runDcs(["lock", "doctor", "--json", "--locks", url]);
    expect(run.code).toBe(99);
    expect(run.json()["data"]).toMatchObject({ topology: "quorum", grade: "unusable" });
    const acquired = await runDcs(["lock", "acquire", "a", "--json", "--locks", url]);
    expect([acquired.code, acquired.json()["error"]]).toMatchObject([5, { code: "NODES_YOUNG" }]);
  });
});
