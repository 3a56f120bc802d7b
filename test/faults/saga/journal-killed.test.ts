import { describe, expect, it } from "vitest";
import { isDcsError } from "../../../src/core/errors.ts";
import { EffectLedger } from "../../support/effect-ledger.ts";
import { seededFates } from "../../support/ledger-fates.ts";
import { startMariaDb } from "../../support/mariadb.ts";
import { newDatabase } from "../../support/mysql-journal.ts";
import { randomSaga } from "../../support/random-saga.ts";
import { keptRuns, problemsInJournal } from "../../support/saga-invariants.ts";
import { JOURNALS } from "../../support/saga-journals.ts";
import { openLab } from "../../support/saga-lab.ts";
import { sandboxPerTest } from "../../support/sandbox-per-test.ts";
import type { RunningDcs } from "../../support/start-dcs.ts";
import { until } from "../../support/until.ts";
import { problemsOfCase } from "../kit/problems-of-case.ts";
import { runSeed } from "../kit/schedule.ts";

const RUNS = process.env["DCS_LONG"] === "1" ? 500 : 60;
const WORKERS = 2;
/** What is late still arrives within `settle`, also on a busy machine. */
const TIMES = { timeoutMs: 500, settleMs: 1500, lateMs: 550 };

/** Kills something, and sees to it that it is there again. */
type Strike = (workers: Crew) => Promise<void>;

interface Place extends AsyncDisposable {
  readonly url: string;
  readonly strike: Strike;
}

/** The workers that live. */
interface Crew {
  replaceOldest(): Promise<void>;
}

const PLACES: readonly {
  readonly name: string;
  readonly everyMs: number;
  readonly open: () => Promise<Place>;
}[] = [
  ...JOURNALS.map(({ name, open }) => ({
    name: `a worker of ${name}`,
    everyMs: 1000,
    open: async (): Promise<Place> => {
      const kept = await open();
      const strike: Strike = (crew) => crew.replaceOldest();
      return { url: kept.url, strike, [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose]() };
    },
  })),
  {
    name: "MariaDB itself",
    everyMs: 1000,
    open: async (): Promise<Place> => {
      const server = await startMariaDb();
      const strike: Strike = async () => {
        await server.kill();
        await server.start();
      };
      return {
        url: await newDatabase(server),
        strike,
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  },
];

describe.each(PLACES)("with $name killed every $everyMs ms", ({ name, everyMs, open }) => {
  const box = sandboxPerTest();

  it(`${RUNS} runs of ${WORKERS} workers end with all or nothing`, async (test) => {
    const seed = runSeed(`${name} killed`, test);
    await using kept = await open();
    await using ledger = await EffectLedger.start(seededFates(seed, { share: 0.2 }), TIMES.lateMs);
    await using lab = await openLab({ url: kept.url, timeoutMs: 20_000 });
    const workers = new Set<RunningDcs>();
    const work = () => {
      const flags = ["--lease", "2s", "--poll", "100ms", "--concurrency", "24", "--timeout", "20s"];
      const worker = box.start("saga", "worker", "--journal", kept.url, ...flags);
      workers.add(worker);
    };
    for (let count = 0; count < WORKERS; count++) work();

    const begun = await Promise.all(
      Array.from({ length: RUNS }, async (_, index) => {
        const saga = randomSaga({ seed: seed + index, url: ledger.url, ...TIMES });
        const id = `case-${seed + index}`;
        const { runId } = await lab.sagas.start(await lab.read(saga.text), {
          input: { id },
          businessKey: id,
        });
        return { saga, id, runId };
      }),
    );
    const crew: Crew = {
      async replaceOldest() {
        const [oldest] = workers;
        if (oldest === undefined) throw new Error("there is no worker");
        workers.delete(oldest);
        oldest.process.kill("SIGKILL");
        await oldest.done;
        work();
      },
    };
    let kills = 0;
    for (let last = performance.now(); await livesAny(lab.journal); kills++) {
      await until(
        async () => performance.now() - last > everyMs || !(await livesAny(lab.journal)),
        everyMs * 5,
        100,
      );
      await kept.strike(crew);
      last = performance.now();
    }
    for (const each of workers) expect(each.process.exitCode, each.stderr()).toBeNull();
    await until(() => ledger.coming === 0);

    const statuses = new Map((await keptRuns(lab.journal)).map(({ record }) => [record.state.runId, record]));
    expect(statuses.size).toBe(RUNS);
    const problems = begun.flatMap(({ saga, id, runId }) =>
      problemsOfCase(saga, ledger, id, statuses.get(runId)?.state.status ?? "lost"),
    );
    expect(problems, `seed ${seed}, ${kills} kills`).toEqual([]);
    expect(await problemsInJournal(lab.journal)).toEqual([]);
    expect(kills).toBeGreaterThan(1);
  }, 1_200_000);
});

/** True also while it cannot be asked. */
async function livesAny(journal: Parameters<typeof keptRuns>[0]): Promise<boolean> {
  try {
    const { running = 0, compensating = 0 } = await journal.counts();
    return running + compensating > 0;
  } catch (error) {
    if (isDcsError(error, "JOURNAL_UNREACHABLE")) return true;
    throw error;
  }
}
