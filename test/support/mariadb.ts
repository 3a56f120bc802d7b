import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { runDcs, runProcess } from "./cli.ts";
import { type Sandbox, sandbox } from "./start-dcs.ts";
import { until } from "./until.ts";

/** A real MariaDB of the test's own, as `dcs up` starts it: user and database `dcs`, no password. */
export interface MariaDb extends AsyncDisposable {
  readonly port: number;
  /** Of the server as it runs now. */
  readonly pid: number;
  /** As `run`, by the user who may do everything. */
  asRoot(sql: string): Promise<string>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with what it had written. */
  start(): Promise<void>;
  /** The same from another data directory, or with more options. It takes writes that its disk refuses as errors. */
  startOtherwise(how: { readonly data?: string; readonly options?: readonly string[] }): Promise<void>;
  /** Its own data directory. */
  readonly data: string;
  /** What the statements print: rows of tab-separated values. Fails where one fails. */
  run(sql: string): Promise<string>;
  /** A connection that stays: each call resolves with what its statements print. */
  session(): MariaDbSession;
}

export interface MariaDbSession extends AsyncDisposable {
  run(sql: string): Promise<string>;
}

export async function startMariaDb(): Promise<MariaDb> {
  const box: Sandbox = sandbox();
  const dcs = (...args: readonly string[]) => runDcs(args, { env: box.env, cwd: box.dir, timeout: 60_000 });
  let byHand: ChildProcess | null = null;
  const stop = async () => {
    if (byHand !== null && byHand.exitCode === null && byHand.signalCode === null) {
      byHand.kill("SIGKILL");
      await once(byHand, "exit");
    }
    await dcs("down");
    box[Symbol.dispose]();
  };
  try {
    const start = async () => {
      const up = await dcs("up", "--only", "mariadb", "--json");
      const { data } = up.json() as { data: { servers: { url: string; pid: number; data: string }[] } };
      const [server] = data.servers;
      if (server === undefined) throw new Error(up.stderr);
      return server;
    };
    const started = await start();
    let { pid } = started;
    const port = Number(new URL(started.url).port);
    const where = ["--protocol=tcp", "--host=127.0.0.1", `--port=${port}`, "--user=dcs"];
    const words = ["mariadb", "--no-defaults", ...where, "--batch", "--skip-column-names"];
    const env = { PATH: process.env["PATH"] ?? "" };
    const root = ["mariadb", "--no-defaults", "--user=root", "--batch", "--skip-column-names"];
    let { data } = started;
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    const ask = async (command: readonly string[], sql: string) => {
      const run = await runProcess(command, { input: sql, env });
      if (run.code !== 0) throw new Error(`${run.stderr}\n${sql}`);
      return run.stdout.trim();
    };
    return {
      port,
      get pid() {
        return pid;
      },
      async kill() {
        process.kill(pid, "SIGKILL");
        await until(() => !runs(pid));
      },
      async start() {
        ({ pid, data } = await start());
      },
      async startOtherwise({ data: other = started.data, options = [] }) {
        const line = command.map((word) =>
          /^--(datadir|pid-file)=/.test(word) ? word.replace(started.data, other) : word,
        );
        const shell = ["sh", "-c", `trap '' XFSZ; exec "$@"`, "sh"];
        const [program = "", ...args] = [...shell, ...line, ...options];
        const child = spawn(program, args, { cwd: box.dir, env, stdio: "ignore" });
        pid = child.pid ?? -1;
        data = other;
        byHand = child;
        await until(
          async () => (await runProcess([...words, "dcs"], { input: "SELECT 1", env })).code === 0,
          30_000,
          50,
        );
      },
      data: started.data,
      run: (sql) => ask([...words, "dcs"], sql),
      asRoot: (sql) => ask([...root, `--socket=${data}/mysqld.sock`, "dcs"], sql),
      session: () => openSession([...words, "--unbuffered", "dcs"], env),
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function openSession(
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): MariaDbSession {
  const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "inherit"] });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  let calls = 0;
  return {
    async run(sql) {
      const end = `end of call ${++calls}\n`;
      const from = printed.length;
      child.stdin.write(`${sql}\nSELECT '${end.trim()}';\n`);
      await until(() => printed.endsWith(end));
      return printed.slice(from, -end.length).trim();
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
