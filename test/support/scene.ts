import type { DcsExit, RunningDcs } from "./start-dcs.ts";
import { until } from "./until.ts";

const TRIES = 5;

/** What ends a `dcs` with a short TTL on a busy machine, before the test has done anything to it: lost, no answer in time. */
const OF_A_BUSY_MACHINE: readonly (number | null)[] = [3, 5];

class Spoiled extends Error {}

/**
 * Prepares what a test is about, and prepares it again where a busy machine has spoiled it: see `ready`. Each time with twice
 * the `patience`, 1 at first, by which TTLs may be multiplied. Only for what comes before the fault; what comes after it is
 * what the test asserts.
 */
export async function scene<T>(prepare: (patience: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await prepare(2 ** (tries - 1));
    } catch (error) {
      if (!(error instanceof Spoiled) || tries === TRIES) throw error;
    }
  }
}

/**
 * Resolves once `condition` holds while `dcs` runs. Where that has ended before, as on a busy machine with a short TTL, the
 * `scene` is spoiled. Any other end, and no end, is an error that says what dcs said.
 */
export async function ready(dcs: RunningDcs, condition: () => boolean | Promise<boolean>): Promise<void> {
  let exit: DcsExit | null = null;
  void dcs.done.then((ended) => {
    exit = ended;
  });
  try {
    await until(async () => exit !== null || (await condition()));
  } catch (error) {
    throw new Error(`dcs runs, and says: ${dcs.stdout()}${dcs.stderr()}`, { cause: error });
  }
  if (exit === null) return;
  const { code, signal, stdout, stderr } = await dcs.done;
  const what = `dcs has ended with ${code ?? signal} before the scene was set: ${stdout}${stderr}`;
  throw OF_A_BUSY_MACHINE.includes(code) ? new Spoiled(what) : new Error(what);
}
