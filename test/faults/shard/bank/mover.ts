import { setTimeout as sleep } from "node:timers/promises";
import { MOVE_STEPS, type MoveStep } from "../../../../src/core/shard/move/move-event.ts";
import { type RunningDcs, startDcs } from "../../../support/start-dcs.ts";
import type { Bank } from "./bank.ts";

/** Steps of a move at whose beginning it may be killed, those of the cut more often: they are short. The rest is met by time. */
const KILL_AT: readonly MoveStep[] = [
  ...MOVE_STEPS.filter((step) => !["give back", "window"].includes(step)),
  ...(["cut", "flip", "open", "cut", "flip"] as const),
];

export interface MoverOptions {
  readonly bank: Bank;
  readonly random: () => number;
  /** How often it is killed before it may come to its end. */
  readonly kills: number;
  readonly args?: readonly string[];
}

export interface MoverReport {
  readonly kills: number;
  /** Writes to buckets whose mover had been killed before the seal: how long each took, ms. */
  readonly probes: readonly number[];
  /** Buckets whose mover had been killed after it. */
  readonly closed: number;
  /** Runs that ended otherwise than well by themselves. */
  readonly failures: readonly string[];
  /** Why moves were begun anew, or their cuts given up. */
  readonly retries: readonly string[];
}

/** `dcs shard rebalance`, killed with SIGKILL again and again; another process goes on by `dcs shard resume`. */
export async function rebalanceWithKills({
  bank,
  random,
  kills,
  args = [],
}: MoverOptions): Promise<MoverReport> {
  const probes: number[] = [];
  const failures: string[] = [];
  const retries: string[] = [];
  const closed = new Set<number>();
  let closedTotal = 0;
  let killed = 0;
  for (;;) {
    const isPending = (await bank.shards.moves()).length > 0;
    const verb = isPending ? ["resume"] : ["rebalance", "--yes"];
    const dcs = startDcs(bank.box, ["shard", ...verb, "--json", ...args]);
    const isKilled = killed < kills && (await killSometime(dcs, random));
    const { code, stdout, stderr } = await dcs.done;
    retries.push(...retriesOf(stdout));
    if (isKilled) {
      killed++;
      const found = await probeAll(bank);
      probes.push(...found.ms);
      closedTotal += found.closed.length;
      for (const bucket of found.closed) closed.add(bucket);
      continue;
    }
    // What was closed is open again with the next runner that comes to its end.
    for (const bucket of code === 0 ? closed : []) {
      if ((await bank.probe(bucket)) === null) failures.push(`bucket ${bucket} stays closed`);
      closed.delete(bucket);
    }
    if (stdout.includes('"event":"balanced"')) {
      return { kills: killed, probes, closed: closedTotal, failures, retries };
    }
    if (code !== 0) failures.push(`exit ${code}: ${stdout.trim().split("\n").at(-1)}${stderr}`);
    if (failures.length > 5) throw new Error(failures.join("\n"));
  }
}

/** At a moment that `random` decides: after a time, or a little after a step begins. False when it was over before. */
async function killSometime(dcs: RunningDcs, random: () => number): Promise<boolean> {
  let isOver = false;
  const done = dcs.done.then(() => {
    isOver = true;
  });
  const step = KILL_AT[Math.floor(random() * KILL_AT.length)];
  const nth = 1 + Math.floor(random() * 4);
  const isByTime = random() < 0.3;
  const ms = isByTime ? 300 + random() * 2500 : Math.max(0, random() * 30 - 15);
  const word = `"step":"${step}"`;
  if (!isByTime) await Promise.race([said(dcs, word, nth), done]);
  await Promise.race([sleep(ms), done]);
  if (isOver) return false;
  dcs.process.kill("SIGKILL");
  const { signal } = await dcs.done;
  return signal === "SIGKILL";
}

/** At once when the command has said something so many times. */
function said(dcs: RunningDcs, word: string, times: number): Promise<void> {
  return new Promise((resolve) => {
    dcs.process.stdout?.on("data", () => {
      if (dcs.stdout().split(word).length > times) resolve();
    });
  });
}

function retriesOf(stdout: string): readonly string[] {
  return stdout
    .split("\n")
    .filter((line) => /"event":"(retry|cut-again|different)"/.test(line) && line.endsWith("}"))
    .map(
      (line) =>
        JSON.parse(line) as { event: string; why?: string; error?: { code: string; message: string } },
    )
    .map(({ event, why, error }) => `${event}: ${why ?? `${error?.code} ${error?.message}`}`);
}

/** A write to each bucket that was on its way. */
async function probeAll(
  bank: Bank,
): Promise<{ readonly ms: readonly number[]; readonly closed: readonly number[] }> {
  const buckets = (await bank.shards.moves()).map(({ record }) => record.bucket);
  const found = await Promise.all(buckets.map(async (bucket) => ({ bucket, ms: await bank.probe(bucket) })));
  return {
    ms: found.flatMap(({ ms }) => ms ?? []),
    closed: found.flatMap(({ bucket, ms }) => (ms === null ? bucket : [])),
  };
}
