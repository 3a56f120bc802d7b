import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DcsError } from "../../core/errors.ts";

/** How one run of dcs in the demo ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  stdout(): string;
  kill(signal: NodeJS.Signals): void;
}

const CHECK_MS = 20;
/** How long what still runs at the end has to stop by itself. */
const DISPOSE_MS = 3000;

/**
 * Where the demo plays: a directory of its own, real processes of this very dcs, and nothing left when it is disposed of,
 * whatever happened.
 */
export class World implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "dcs-demo-"));
  readonly #children = new Set<ChildProcess>();
  readonly #program: readonly string[];
  readonly #signal: AbortSignal;

  /** `program` starts this dcs: node and its script. */
  constructor(program: readonly string[], signal: AbortSignal) {
    this.#program = program;
    this.#signal = signal;
  }

  /** Starts dcs with its state in the demo's directory. */
  start(args: readonly string[]): Running {
    const [node = "node", ...script] = this.#program;
    return this.#spawn(node, [...script, ...args]);
  }

  /** Runs dcs to its end; any exit status. */
  run(args: readonly string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  /** Runs dcs with --json and returns the data of its envelope. DEMO_FAILED when it did not succeed. */
  async ask<T>(args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run([...args, "--json"]);
    if (code !== 0)
      throw new DcsError("DEMO_FAILED", `dcs ${args.join(" ")} exited with ${code}: ${stderr || stdout}`);
    return (JSON.parse(stdout) as { data: T }).data;
  }

  /** Resolves with the milliseconds it took until `condition` held. DEMO_FAILED after `limitMs`. */
  async until(what: string, limitMs: number, condition: () => boolean | Promise<boolean>): Promise<number> {
    const start = performance.now();
    while (!(await condition())) {
      this.#signal.throwIfAborted();
      if (performance.now() - start > limitMs) {
        throw new DcsError("DEMO_FAILED", `${what}: not within ${limitMs} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
    }
    return performance.now() - start;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const living = [...this.#children];
    const gone = Promise.all(living.map((child) => new Promise((resolve) => child.once("exit", resolve))));
    // TERM lets dcs deregister and stop its own command; after KILL its watchdog does that.
    for (const child of living) child.kill("SIGTERM");
    const late = setTimeout(() => {
      for (const child of living) child.kill("SIGKILL");
    }, DISPOSE_MS);
    await gone;
    clearTimeout(late);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #spawn(command: string, args: readonly string[]): Running {
    this.#signal.throwIfAborted();
    // Inherited DCS_* variables would send the demo to a real backend.
    const inherited = Object.entries(process.env).filter(
      ([name]) => !name.startsWith("DCS_") && name !== "NODE_OPTIONS",
    );
    const child = spawn(command, args, {
      cwd: this.dir,
      env: { ...Object.fromEntries(inherited), DCS_STATE_DIR: join(this.dir, "state"), NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.once("exit", () => this.#children.delete(child));
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
    });
    ended.catch(() => this.#children.delete(child));
    return { pid: child.pid ?? -1, ended, stdout: () => stdout, kill: (signal) => void child.kill(signal) };
  }
}

/** TCP ports of loopback that nobody uses now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
