import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { toDcsError } from "../../core/errors.ts";
import { currentHolder } from "../../core/process/identity.ts";
import { listServices } from "../../core/registry/catalog.ts";
import { Registrar } from "../../core/registry/registrar.ts";
import type { Store } from "../../core/store/store.ts";
import { systemClock } from "../../core/util/clock.ts";
import type { Output } from "../output.ts";

/** The service under which workers are seen in `dcs services`. */
export const WORKER_SERVICE = "saga-worker";
const TTL_MS = 5000;
const LEAVE_MS = 3000;

interface Places {
  readonly store: () => Promise<Store>;
  readonly out: Output;
  readonly signal: AbortSignal;
}

/** A warning where no worker is registered: the run would wait for one. */
export async function warnWithoutWorkers({ store, out, signal }: Places): Promise<void> {
  try {
    const { services } = await listServices(
      await store(),
      { service: WORKER_SERVICE, readyOnly: true },
      { signal },
    );
    if (services.some(({ instances }) => instances.length > 0)) return;
    out.warn(
      "NO_WORKER",
      "no worker is registered: the run waits until one is started with `dcs saga worker`",
    );
  } catch (error) {
    const { message } = toDcsError(error);
    out.warn("NO_WORKER", `whether a worker is there cannot be seen: ${message}`);
  }
}

/** What a worker's status page says. */
export interface WorkerStatus {
  readonly active: number;
  readonly concurrency: number;
  readonly ended: number;
  readonly parked: number;
}

/**
 * Shows this worker in the registry, with its status as JSON on a port of this host. Only for people to see: without the
 * store the worker works all the same.
 */
export async function announceWorker(
  { store, out, signal }: Places,
  status: () => WorkerStatus,
): Promise<AsyncDisposable> {
  const server = await listen(status);
  const { port } = server.address() as AddressInfo;
  const host = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(hostname()) ? hostname() : "localhost";
  let registrar: Registrar | null = null;
  try {
    registrar = await Registrar.start({
      store: await store(),
      clock: systemClock,
      holder: currentHolder(),
      ttlMs: TTL_MS,
      instances: [
        {
          spec: {
            ...{ service: WORKER_SERVICE, endpoint: `${host}:${port}`, weight: 1, version: null, zone: null },
            tags: [`concurrency-${status().concurrency}`],
          },
          checked: false,
        },
      ],
      onEvent: () => {},
      signal,
    });
  } catch (error) {
    out.warn("WORKER_UNSEEN", `it works, but is not registered: ${toDcsError(error).message}`);
  }
  return {
    async [Symbol.asyncDispose]() {
      // Where the store does not answer, the lease runs out by itself.
      await registrar?.close(AbortSignal.timeout(LEAVE_MS)).catch(() => {});
      server.closeAllConnections();
      server.close();
    },
  };
}

function listen(status: () => WorkerStatus): Promise<Server> {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(`${JSON.stringify(status())}\n`);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}
