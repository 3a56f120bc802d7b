import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { openStore, Registrar, systemClock } from "../../src/core/index.ts";
import { currentHolder } from "../../src/core/process/identity.ts";
import { freePort } from "./free-port.ts";
import { exampleSaga } from "./order-sagas.ts";
import { until } from "./until.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/create-order/", import.meta.url));

/** How to misbehave; what each `do` means stands in examples/create-order/kit/faults.mjs. */
export interface ServiceFault {
  readonly do:
    | "fail"
    | "error"
    | "busy"
    | "stall"
    | "reset"
    | "crash"
    | "slow"
    | "apply-then-error"
    | "apply-then-stall"
    | "apply-then-reset"
    | "apply-then-crash"
    | "refuse-connection";
  /** Method and path, `*` for one segment: `DELETE /v1/orders/*`. All requests where left out. */
  readonly match?: string;
  /** For how many requests; 1 where left out. */
  readonly times?: number | "always";
  /** Matching requests that it spares first. */
  readonly after?: number;
  readonly status?: number;
  /** Of `slow` and `refuse-connection`, ms. */
  readonly ms?: number;
}

export interface ServiceEffect {
  /** From 1, in the order in which they took effect. */
  readonly n: number;
  readonly kind: "order" | "cancel" | "shipment" | "charge" | "refund" | "void";
  readonly key: string;
  readonly id?: string;
  readonly order?: string;
  /** Of a refund the key of what it refunds. */
  readonly charge?: string;
  readonly amount?: number;
}

export interface ServiceEffects {
  readonly effects: readonly ServiceEffect[];
  readonly counts: Readonly<Partial<Record<ServiceEffect["kind"], number>>>;
  /** By key: how often it took effect, and how often it was asked for since the service was started. */
  readonly keys: Readonly<Record<string, { readonly applied: number; readonly asked: number }>>;
}

/** One of the services of examples/create-order, as a process of its own. */
export interface ExampleService {
  readonly name: string;
  readonly url: string;
  readonly endpoint: string;
  readonly process: ChildProcess;
  effects(): Promise<ServiceEffects>;
  fault(fault: ServiceFault): Promise<void>;
  /** No faults any more; who waits for an answer that never comes gets a broken connection. */
  clearFaults(): Promise<void>;
  /** Kills it and starts it again on the same port; what it has done stays only with a data file. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface OrderServices extends AsyncDisposable {
  readonly orders: ExampleService;
  readonly payment: ExampleService;
  /** Text of examples/create-order/saga.yaml, or one like it, with their addresses instead of `service://`. */
  definition(text?: string): string;
  /** Registers both in the embedded store of a state directory, as `dcs register` would, until all this is disposed of. */
  register(stateDir: string): Promise<void>;
}

export interface OrderServicesOptions {
  /** Directory for their data files; what they did then outlives `kill -9`. */
  readonly dataDir?: string;
}

/** Starts both services of the example on free ports; resolves when they listen. */
export async function startOrderServices({ dataDir }: OrderServicesOptions = {}): Promise<OrderServices> {
  const start = (name: string) =>
    startService(name, dataDir === undefined ? [] : ["--data", `${dataDir}/${name}.jsonl`]);
  const [orders, payment] = await Promise.all([start("orders"), start("payment")]);
  const undo: (() => Promise<void>)[] = [];
  return {
    orders,
    payment,
    definition: (text = exampleSaga()) =>
      text.replaceAll("service://orders", orders.url).replaceAll("service://payment", payment.url),
    async register(stateDir) {
      const store = await openStore("embedded:", { timeoutMs: 5000, stateDir });
      undo.push(() => store.close());
      const registrar = await Registrar.start({
        store,
        clock: systemClock,
        holder: currentHolder(),
        ttlMs: 10_000,
        instances: [orders, payment].map(({ name, endpoint }) => ({
          spec: { service: name, endpoint, weight: 1, version: null, zone: null, tags: [] },
          checked: false,
        })),
        onEvent: () => {},
      });
      undo.push(() => registrar.close(AbortSignal.timeout(5000)));
    },
    async [Symbol.asyncDispose]() {
      for (const each of undo.splice(0).reverse()) await each();
      await Promise.all([orders.stop(), payment.stop()]);
    },
  };
}

/** Starts `examples/create-order/NAME.mjs`; resolves when it listens. */
async function startService(name: string, args: readonly string[]): Promise<ExampleService> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child = await launch(name, port, args);
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const request = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, request);
    const text = await response.text();
    if (!response.ok) throw new Error(`${name}: ${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  const stop = async (signal: NodeJS.Signals = "SIGKILL") => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGCONT");
    child.kill(signal);
    await ended;
  };
  return {
    name,
    url,
    endpoint: `127.0.0.1:${port}`,
    get process() {
      return child;
    },
    effects: async () => (await ask("GET", "/effects")) as ServiceEffects,
    fault: async (fault) => void (await ask("POST", "/faults", fault)),
    clearFaults: async () => void (await ask("DELETE", "/faults")),
    stop,
    async restart(signal) {
      await stop(signal);
      child = await launch(name, port, args);
    },
  };
}

async function launch(name: string, port: number, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [`${EXAMPLE}${name}.mjs`, "--port", String(port), ...args], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let listens = false;
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    listens ||= line.startsWith("listening on ");
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${stderr}`);
    return listens;
  });
  return child;
}
