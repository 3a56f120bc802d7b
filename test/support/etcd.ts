import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../src/core/store/open-store.ts";
import type { Store } from "../../src/core/store/store.ts";
import { engineProgram } from "./engines.ts";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

/** PEM files of a server that speaks TLS. */
export interface EtcdTlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate of the same CA. */
  readonly clients?: boolean;
}

export interface EtcdOptions {
  readonly args?: readonly string[];
  readonly tls?: EtcdTlsFiles;
  /** Which member of a cluster it is; a cluster of its own where absent. */
  readonly member?: EtcdMember;
}

export interface EtcdMember {
  readonly name: string;
  readonly peerPort: number;
  /** All members: `name=http://host:port,…`. */
  readonly cluster: string;
}

const TRIES = 5;

/** A real etcd of its own: free ports, its own data directory. */
export class EtcdServer {
  readonly port: number;
  readonly #dir: string;
  readonly #peerPort: number;
  readonly #options: EtcdOptions;
  #process: ChildProcess | null = null;
  #log = "";

  /** Where somebody took one of its ports meanwhile: again, on others, unless it is a member, whose ports others know. */
  static async start(options: EtcdOptions = {}): Promise<EtcdServer> {
    for (let tries = 1; ; tries++) {
      const server = new EtcdServer(
        await freePort(),
        options.member?.peerPort ?? (await freePort()),
        options,
      );
      try {
        await server.start();
        return server;
      } catch (error) {
        await server.stop();
        const isTaken = server.#log.includes("address already in use");
        if (!isTaken || options.member !== undefined || tries === TRIES) throw error;
      }
    }
  }

  private constructor(port: number, peerPort: number, options: EtcdOptions) {
    this.port = port;
    this.#peerPort = peerPort;
    this.#options = options;
    // Memory where there is some: the suite tests etcd's answers, not the disk.
    this.#dir = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "dcs-etcd-"));
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? "etcd" : "etcds"}://${this.endpoint}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it on the data it has, and waits until it answers. */
  async start(): Promise<void> {
    const { tls, member, args = [] } = this.#options;
    const client = `${tls === undefined ? "http" : "https"}://${this.endpoint}`;
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    const secure =
      tls === undefined
        ? []
        : [
            `--cert-file=${tls.cert}`,
            `--key-file=${tls.key}`,
            ...(tls.clients === true ? ["--client-cert-auth", `--trusted-ca-file=${tls.ca}`] : []),
          ];
    const child = spawn(
      engineProgram("etcd"),
      [
        `--data-dir=${join(this.#dir, "data")}`,
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--name=${member?.name ?? "default"}`,
        `--initial-cluster=${member?.cluster ?? `default=${peer}`}`,
        "--log-level=error",
        // Its one member need not wait a second before it makes itself leader.
        "--heartbeat-interval=20",
        "--election-timeout=200",
        ...secure,
        ...args,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#process = child;
    const orphan = () => child.kill("SIGKILL");
    process.once("exit", orphan);
    child.once("exit", () => process.off("exit", orphan));
    child.stderr?.on("data", (text) => {
      this.#log += text;
    });
    await until(
      async () => {
        if (child.exitCode !== null) throw new Error(`etcd did not start:\n${this.#log}`);
        return /"health":"?true/.test(await this.read("/health").catch(() => ""));
      },
      30_000,
      20,
    );
  }

  /** The body of a page it serves, `/metrics` for instance. Its certificate is not looked at. */
  read(path: string): Promise<string> {
    const { tls } = this.#options;
    const url = `${tls === undefined ? "http" : "https"}://${this.endpoint}${path}`;
    const options = tls?.clients === true ? { cert: readFileSync(tls.cert), key: readFileSync(tls.key) } : {};
    return new Promise((resolve, reject) => {
      const call =
        tls === undefined
          ? plainRequest(url, { agent: false })
          : secureRequest(url, { ...options, agent: false, rejectUnauthorized: false });
      call.on("error", reject);
      call.on("response", (response) => {
        response.setEncoding("utf8");
        response.toArray().then((parts) => resolve(parts.join("")), reject);
      });
      call.setTimeout(2000, () => call.destroy(new Error("no answer")));
      call.end();
    });
  }

  /** The sum of a counter or gauge over its labels, of those that match. */
  async metric(name: string, label = ""): Promise<number> {
    const lines = (await this.read("/metrics")).split("\n");
    return lines
      .filter((line) => line.startsWith(name) && line.includes(label))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  /** SIGKILL, and its end awaited; the data stay. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Forgets everything, as a server restored from nothing. Only while it is down. */
  wipe(): void {
    rmSync(join(this.#dir, "data"), { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Runs etcdctl against it. */
  ctl(...args: readonly string[]): { readonly status: number | null; readonly stdout: string } {
    const { tls } = this.#options;
    const secure =
      tls === undefined
        ? []
        : ["--cacert", tls.ca, ...(tls.clients === true ? ["--cert", tls.cert, "--key", tls.key] : [])];
    const scheme = tls === undefined ? "http" : "https";
    const { status, stdout } = spawnSync(
      engineProgram("etcdctl"),
      [`--endpoints=${scheme}://${this.endpoint}`, "--command-timeout=1s", ...secure, ...args],
      { env: { ...process.env, ETCDCTL_API: "3" }, encoding: "utf8" },
    );
    return { status, stdout };
  }

  /** `etcdctl` that must succeed. */
  mustCtl(...args: readonly string[]): string {
    const { status, stdout } = this.ctl(...args);
    if (status !== 0) throw new Error(`etcdctl ${args.join(" ")}: exit ${status}\n${stdout}`);
    return stdout;
  }

  open(path = "", timeoutMs = 10_000): Promise<Store> {
    return openStore(this.url + path, { timeoutMs, stateDir: this.#dir });
  }
}
