import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";

const LEFT_OUT = /--locks 'redis:\/\/:\*\*\*@127\.0\.0\.1:\d+' {3}# with the password in place of \*\*\*/;

describe("the password of a Redis URL", () => {
  let server: RedisServer;

  afterEach(() => server.stop());

  describe("on a server that wants none", () => {
    // Without HELLO, as behind proxies, ioredis logs in by AUTH and prints what it thinks of the answer.
    beforeEach(async () => {
      server = await startRedis(["--rename-command", "HELLO", ""]);
    });

    it("makes nothing but dcs itself print", async () => {
      const url = `redis://:hunter2@127.0.0.1:${server.port}`;
      const run = await runDcs(["lock", "acquire", "a", "--ttl", "1s", "--json", "--locks", url]);
      expect([run.code, run.stderr]).toEqual([0, ""]);
      expect(run.json()).toMatchObject({ ok: true, warnings: [] });
    });

    it("is refused with a user that is not there, by dcs itself", async () => {
      const url = `redis://nobody:hunter2@127.0.0.1:${server.port}`;
      const run = await runDcs(["lock", "acquire", "a", "--locks", url]);
      expect(run.code).toBe(4);
      expect(run.stderr.trim().split("\n")).toEqual([
        expect.stringMatching(/^error PERMISSION_DENIED: /),
        expect.stringMatching(/^ {2}try: /),
      ]);
    });
  });

  it("is left out of the commands that are printed, which say so", async () => {
    server = await startRedis(["--requirepass", "hunter2"]);
    const url = `redis://:hunter2@127.0.0.1:${server.port}`;
    const run = await runDcs(["lock", "acquire", "a", "--locks", url]);
    expect([run.code, `${run.stdout}${run.stderr}`]).toEqual([0, expect.not.stringContaining("hunter2")]);
    for (const verb of ["renew", "release"]) {
      const line = run.stdout.split("\n").find((each) => each.startsWith(verb)) ?? "";
      expect(line).toMatch(LEFT_OUT);
    }
    expect(run.stderr).toMatch(LEFT_OUT);
    // The line works once that is done.
    const [, command = ""] = /^release +dcs (.*?) {3}#/m.exec(run.stdout) ?? [];
    const words = command.replace("***", "hunter2").replaceAll("'", "").split(" ");
    expect(await runDcs(words)).toMatchObject({ code: 0 });
  });
});
