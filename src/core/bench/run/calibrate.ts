import { Worker } from "node:worker_threads";
import { entryUrl } from "../../util/entry.ts";
import type { BenchPlan } from "../bench-plan.ts";
import type { Histograms } from "../latency-histogram.ts";
import { runPlan } from "./run-plan.ts";

const LENGTH_MS = 1000;
const WARMUP_MS = 300;

/**
 * How many requests per second the plan's generator manages on this machine against a server that does nothing. Null for what that
 * server does not speak: TLS, HTTP/2, other protocols.
 */
export async function generatorCeiling(
  plan: BenchPlan,
  histograms: Histograms,
  signal: AbortSignal,
): Promise<number | null> {
  const { target, http } = plan;
  const isPlain = target.kind === "service" || (target.kind === "http" && target.url.startsWith("http:"));
  if (!isPlain || http.http2 || http.method === "HEAD") return null;
  const server = new Worker(entryUrl("bench-null-server"), { execArgv: [], stdin: false });
  try {
    const port = await new Promise<number>((resolve, reject) => {
      server.once("message", resolve);
      server.once("error", reject);
    });
    const { gathering } = await runPlan({
      plan: {
        ...plan,
        target: { kind: "http", url: `http://127.0.0.1:${port}/` },
        ...{ durationMs: LENGTH_MS, amount: null, warmupMs: WARMUP_MS, sliceMs: LENGTH_MS },
      },
      ...{ histograms, instances: [], signal },
    });
    return gathering.okWithin / (LENGTH_MS / 1000);
  } finally {
    await server.terminate();
  }
}
