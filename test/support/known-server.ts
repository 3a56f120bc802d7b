import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const FILE = fileURLToPath(new URL("../integration/bench/fixtures/known-server.ts", import.meta.url));

/** A server, in a process of its own, of which it is known how long every answer takes. */
export interface KnownServer extends AsyncDisposable {
  readonly pid: number;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** How many requests of a path it has seen. */
  count(path: string): Promise<number>;
  /** The percentile of the times after which it has itself written its last answers of the path, ms. */
  given(path: string, last: number): Promise<(percentile: number) => number>;
}

export async function startKnownServer(): Promise<KnownServer> {
  const child = spawn(process.execPath, [FILE], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const origin = `http://127.0.0.1:${port}`;
  return {
    pid: child.pid ?? 0,
    origin,
    count: async (path) => Number(await (await fetch(`${origin}/count?of=${path}`)).text()),
    async given(path, last) {
      const answer = await fetch(`${origin}/given?of=${path}&last=${last}`);
      const times = ((await answer.json()) as number[]).toSorted((a, b) => a - b);
      return (percentile) => times[Math.max(0, Math.ceil((percentile / 100) * times.length) - 1)] ?? 0;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
