/** What the figures share. */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { layoutTable } from "../src/cli/text.ts";

/** True when processes can be pinned to processors: placement alone changes single-client figures 2.5 times. */
export const canPin = availableParallelism() > 1 && spawnSync("taskset", ["-c", "0", "true"]).status === 0;

/** Pins a process, and its threads, to one processor where that can be done. */
export function pin(pid: number, cpu: number): void {
  if (canPin) spawnSync("taskset", ["-a", "-c", "-p", String(cpu), String(pid)]);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export function print(head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`${layoutTable({ head, rows }, (text) => text).join("\n")}\n`);
}

/** `cycles` runs of `cycle`, `concurrency` at a time, each with its number; cycles a second. */
export async function perSecond(
  cycles: number,
  concurrency: number,
  cycle: (worker: number) => Promise<unknown>,
): Promise<number> {
  let left = cycles;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async (_, worker) => {
      while (left-- > 0) await cycle(worker);
    }),
  );
  return cycles / ((performance.now() - begin) / 1000);
}

/** Calls `each` for every item, `concurrency` at a time. */
export async function inFlight<T>(
  concurrency: number,
  items: readonly T[],
  each: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    // The iterator is shared: each worker takes the next item.
    for (const item of queue) await each(item);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** Medians over interleaved rounds, so that a machine whose speed drifts is fair to all. */
export async function interleaved(
  rounds: number,
  peers: readonly { readonly name: string; readonly run: () => Promise<number> }[],
): Promise<ReadonlyMap<string, number>> {
  const figures = new Map<string, number[]>(peers.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of peers) figures.get(name)?.push(await run());
  }
  return new Map([...figures].map(([name, values]) => [name, quantile(values, 0.5)]));
}

/** Median whole-process time of each command, interleaved, after a warm-up; ms. `{run}` in a word is the run's number. */
export function wholeProcesses(
  cases: readonly (readonly [name: string, words: readonly string[]])[],
  env: NodeJS.ProcessEnv,
  runs = 15,
): readonly { readonly name: string; readonly ms: number }[] {
  const times = cases.map((): number[] => []);
  for (let run = -2; run < runs; run++) {
    for (const [i, [name, [command = "", ...args]]] of cases.entries()) {
      // A lock taken by the run before with a short TTL must have expired, or its wait would be measured.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120);
      const begin = performance.now();
      const words = args.map((word) => word.replace("{run}", String(run)));
      const { status } = spawnSync(command, words, { env, stdio: "ignore" });
      if (status !== 0) throw new Error(`${name} ended with ${status}`);
      if (run >= 0) times[i]?.push(performance.now() - begin);
    }
  }
  return cases.map(([name], i) => ({ name, ms: quantile(times[i] ?? [], 0.5) }));
}

/** Runs benchmarks of this folder one after the other, each in a process of its own that gets our arguments. */
export function runEach(names: readonly string[]): void {
  for (const name of names) {
    const script = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
    const { status } = spawnSync(process.execPath, [script, ...process.argv.slice(2)], { stdio: "inherit" });
    if (status !== 0) process.exitCode = status ?? 1;
  }
}

const HAND_OFFS = 100;
const CONTENDERS = [2, 8];

/** Waits for the lock as this contender, each with a connection of its own; resolves with how to give it back. */
export type Contend = (contender: number) => Promise<() => Promise<unknown>>;

export interface HandOff {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** From one holder's release to the grant of another, while so many ask for the lock over and over; ms. */
async function handOff(contend: Contend, contenders: number): Promise<HandOff> {
  const delays: number[] = [];
  let released = Number.NaN;
  let last = -1;
  let next = Promise.withResolvers<void>();
  const work = async (contender: number) => {
    while (delays.length < HAND_OFFS) {
      const release = await contend(contender);
      if (last >= 0) delays.push(performance.now() - released);
      last = contender;
      next.resolve();
      next = Promise.withResolvers();
      // The others stand in the queue, or in the middle of their pause between two tries.
      await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 20));
      const another = next.promise;
      released = performance.now();
      await release();
      // Who has just had it does not count, and does not come again before another has.
      if (delays.length < HAND_OFFS) await another;
    }
  };
  await Promise.all(Array.from({ length: contenders }, (_, contender) => work(contender)));
  return { p50Ms: quantile(delays, 0.5), p99Ms: quantile(delays, 0.99) };
}

/** Measures and prints the hand-off of each peer at few and at many contenders. */
export async function handOffs(
  title: string,
  peers: Readonly<Record<string, Contend>>,
): Promise<Readonly<Record<string, HandOff>>> {
  const figures: Record<string, HandOff> = {};
  for (const contenders of CONTENDERS)
    for (const [name, contend] of Object.entries(peers))
      figures[`${name}, ${contenders} contenders`] = await handOff(contend, contenders);
  print(
    [title, "P50 MS", "P99 MS"],
    Object.entries(figures).map(([name, { p50Ms, p99Ms }]) => [name, p50Ms.toFixed(2), p99Ms.toFixed(2)]),
  );
  return figures;
}

/** As many of them as contend at the most. */
export function forContenders<T>(make: () => T): readonly T[] {
  return Array.from({ length: Math.max(...CONTENDERS) }, make);
}

/** One of those, which is there. */
export function at<T>(all: readonly T[], contender: number): T {
  const one = all[contender];
  if (one === undefined) throw new Error(`there is no contender ${contender}`);
  return one;
}
