import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EtcdServer } from "../support/etcd.ts";
import { FaultyProxy, type ProxyMode } from "../support/proxy.ts";
import { startRedis } from "../support/redis.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { ready, scene } from "../support/scene.ts";

/** A dcs that lives and is cut off from its server: its command is dead before anybody else has the lock. */

const box = sandboxPerTest();

const lines = (name: string): readonly string[] => {
  try {
    return readFileSync(join(box.dir, name), "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
};

describe.each(["etcd", "redis"] as const)("a command under a lock on %s", (backend) => {
  let port: number;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const server = backend === "etcd" ? await EtcdServer.start() : await startRedis();
    port = server.port;
    stop = () => server.stop();
  });

  afterAll(() => stop());

  const where = (at: number) =>
    backend === "etcd" ? ["--store", `etcd://127.0.0.1:${at}`] : ["--locks", `redis://127.0.0.1:${at}`];
  const args = (at: number, flags: readonly string[], script: string) => [
    ...["lock", "acquire", "k", "--wait", "forever", ...flags, ...where(at), "--", "sh", "-c", script],
  ];

  it.each<ProxyMode>(["black-hole", "drop-answers"])(
    "is stopped before the next begins: %s",
    async (mode) => {
      await using proxy = await FaultyProxy.start(port);
      const { first, next } = await scene(async (patience) => {
        rmSync(join(box.dir, "beats"), { force: true });
        const beat = "while :; do echo x >> beats; done";
        const first = box.start(...args(proxy.port, ["--ttl", `${3 * patience}s`, "--timeout", "1s"], beat));
        await ready(first, () => lines("beats").length > 10);
        const look = "wc -l < beats > seen; sleep 0.3; wc -l < beats > later";
        const next = box.start(...args(port, ["--ttl", "20s"], look));
        try {
          await ready(first, () => next.stderr().includes("waiting"));
        } catch (error) {
          next.process.kill("SIGKILL");
          await next.done;
          throw error;
        }
        return { first, next };
      });
      // Renewals that arrive while their answers are lost prolong the lock, but nobody may count on that.
      proxy.mode = mode;
      const end = await first.done;
      expect(end).toMatchObject({ code: 3, stderr: expect.stringContaining("error LOCK_LOST: ") });
      expect((await next.done).code).toBe(0);
      expect(lines("later")).toEqual(lines("seen"));
    },
  );
});
