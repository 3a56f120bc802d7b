import { afterAll, beforeAll } from "vitest";
import type { BenchResult } from "../../src/core/bench/result.ts";
import { type BenchSaid, benchSays } from "./bench-command.ts";
import { dcsBin, runProcess } from "./cli.ts";
import { RawServer, whole } from "./raw-server.ts";
import { sandboxPerTest } from "./sandbox-per-test.ts";

export const BENCH_BIN = process.env["DCS_TEST_BIN"] ?? dcsBin;
/** Short, and without a warm-up whose trend or counts would matter. */
export const QUICK = ["-n", "40", "-c", "2"];

/** `dcs bench` as a process, and a server that answers well after 2 ms, but for paths that begin with /bad. For one test file. */
export function benchCli() {
  const box = sandboxPerTest();
  let current: RawServer;
  beforeAll(async () => {
    current = await RawServer.start(({ socket, head }) => {
      const bad = head.startsWith("GET /bad");
      setTimeout(() => socket.write(bad ? whole().replace("200 OK", "503 No") : whole()), 2);
    });
  });
  afterAll(async () => current?.[Symbol.asyncDispose]());
  return {
    box,
    /** The server, once there is one. */
    server: new Proxy({} as RawServer, {
      get(_target, key) {
        const value: unknown = Reflect.get(current, key, current);
        return typeof value === "function" ? value.bind(current) : value;
      },
    }),
    /** With the words given, and nothing else: stdout, stderr, status. */
    run: (args: readonly string[], env: Readonly<Record<string, string>> = {}, input = "") =>
      runProcess([process.execPath, BENCH_BIN, "bench", ...args], {
        env: { ...box.env, ...env },
        cwd: box.dir,
        input,
        timeout: 60_000,
      }),
    says: (...args: string[]): Promise<BenchSaid> => benchSays(box, args),
  };
}

export function resultOf({ result, error, stderr }: BenchSaid): BenchResult {
  if (result === null) throw new Error(`no result: ${JSON.stringify(error)} ${stderr}`);
  return result;
}
