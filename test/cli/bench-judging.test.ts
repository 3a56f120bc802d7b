import { describe, expect, it } from "vitest";
import { benchCli, resultOf } from "../support/bench-cli.ts";
import { startBench } from "../support/bench-command.ts";
import { RawServer, whole } from "../support/raw-server.ts";
import { until } from "../support/until.ts";

const { box, says, server } = benchCli();

describe("judging on the way", () => {
  it("--abort-early ends what is broken, and nothing that may still come true", async () => {
    const broken = await says(
      `${server.url}bad`,
      "-R",
      "50",
      "-d",
      "60s",
      "--warmup",
      "0",
      "--abort-early",
      "1s",
    );
    expect(broken.code).toBe(99);
    expect(broken.tookMs).toBeLessThan(15_000);
    expect(broken.result).toMatchObject({ endedBy: "threshold", verdict: "FAIL" });
    expect(broken.result?.rate.offered).toBe(50);
    const { code, result } = await says(
      ...[server.url, "-R", "50", "-d", "3s", "--warmup", "0", "--abort-early", "300ms"],
      ...["-T", "rate>40/s", "-T", "requests>=150", "-T", "errors<1"],
    );
    expect(result).toMatchObject({ endedBy: null, requests: { sent: 150 } });
    expect([0, 98]).toContain(code);
  });

  it("what was offered by stages is what was due until the end", async () => {
    const { dcs, said } = startBench(box, [server.url, "--stages", "20:2s,200:60s", "--warmup", "0"]);
    await until(() => dcs.stderr().includes("s of "), 20_000);
    dcs.process.kill("SIGINT");
    const { result } = await said;
    expect(result?.rate.offered).toBeGreaterThan(19);
    expect(result?.rate.offered).toBeLessThan(120);
    const whole = resultOf(await says(server.url, "--stages", "20:1s,20-60:1s", "--warmup", "0"));
    expect(whole.requests.sent).toBe(60);
    expect(whole.rate.offered).toBeCloseTo(30, 6);
    expect(whole).toMatchObject({ durationMs: 2000, setup: { rate: 60 } });
  });

  it("--find-max finds what a server can do", async () => {
    // One at a time, 10 ms each: 100 a second.
    let freeAt = 0;
    await using slow = await RawServer.start(({ socket }) => {
      freeAt = Math.max(freeAt, performance.now()) + 10;
      setTimeout(() => socket.write(whole()), freeAt - performance.now());
    });
    const { result, code } = await says(
      slow.url,
      "--find-max",
      "p90<150ms",
      "-R",
      "30",
      "-d",
      "1s",
      "--request-timeout",
      "3s",
    );
    const found = result?.findMax;
    const told = JSON.stringify(found?.steps) ?? "";
    // On a machine that is busy with other things a step has no verdict, and the search goes the wrong way.
    if (told.includes("the generator was late")) {
      expect(found?.rate, told).toBeLessThan(125);
      return;
    }
    expect(found?.rate, told).toBeGreaterThan(60);
    expect(found?.rate).toBeLessThan(125);
    expect(found?.limitedBy).toBe("target");
    expect(code).toBe(0);
    const rates = found?.steps.filter(({ verdict }) => verdict !== "PASS").map(({ rate }) => rate) ?? [];
    expect(Math.min(...rates) / (found?.rate ?? 1)).toBeLessThanOrEqual(1.06);
  });

  it("--find-max says so when nothing holds, and Ctrl-C ends it", async () => {
    const none = await says(
      `${server.url}bad`,
      "--find-max",
      "p99<1s",
      "-R",
      "2",
      "-d",
      "300ms",
      "--warmup",
      "0",
    );
    expect(none).toMatchObject({ code: 99, result: { findMax: { rate: 0, limitedBy: "target" } } });
    const { dcs, said } = startBench(box, [server.url, "--find-max", "errors<1", "-R", "20", "-d", "500ms"]);
    await until(() => /20\/s: \w+/.test(dcs.stderr()), 20_000);
    dcs.process.kill("SIGINT");
    expect(await said).toMatchObject({
      code: 130,
      error: { code: "INTERRUPTED" },
      result: { endedBy: "person" },
    });
  });

  it("independent users come the same way with the same seed", async () => {
    const times = async (...seed: readonly string[]) => {
      const all: number[] = [];
      await using noting = await RawServer.start(({ socket, number }) => {
        if (number > 1) all.push(performance.now());
        socket.write(whole());
      });
      await says(
        noting.url,
        "-R",
        "60",
        "-d",
        "2s",
        "--warmup",
        "0",
        "--arrival",
        "poisson",
        "-w",
        "1",
        ...seed,
      );
      return { count: all.length, gaps: all.slice(1).map((at, index) => at - (all[index] ?? 0)) };
    };
    const [first, again, other] = [
      await times("--seed", "7"),
      await times("--seed", "7"),
      await times("--seed", "8"),
    ];
    expect(again.count).toBe(first.count);
    const differ = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, gap, index) => sum + Math.abs(gap - (b[index] ?? 0)), 0) / a.length;
    expect(differ(first.gaps, again.gaps)).toBeLessThan(differ(first.gaps, other.gaps) / 2);
  });
});
