import { describe, expect, it } from "vitest";
import { EffectLedger } from "../../support/effect-ledger.ts";
import { seededFates } from "../../support/ledger-fates.ts";
import { problemsOf, randomSaga } from "../../support/random-saga.ts";
import { keptRuns, problemsInJournal } from "../../support/saga-invariants.ts";
import { JOURNALS } from "../../support/saga-journals.ts";
import { openLab } from "../../support/saga-lab.ts";
import { sandboxPerTest } from "../../support/sandbox-per-test.ts";
import type { RunningDcs } from "../../support/start-dcs.ts";
import { until } from "../../support/until.ts";
import { runSeed } from "../kit/schedule.ts";

const RUNS = process.env["DCS_LONG"] === "1" ? 500 : 60;
const WORKERS = 2;
/** What is late still arrives within `settle`, also on a busy machine. */
const TIMES = { timeoutMs: 500, settleMs: 1500, lateMs: 550 };

describe.each(JOURNALS)("under $name", ({ open }) => {
  const box = sandboxPerTest();

  it(`${RUNS} runs end with all or nothing while ${WORKERS} workers are killed every second`, async (test) => {
    const seed = runSeed("workers killed", test);
    await using kept = await open();
    await using ledger = await EffectLedger.start(seededFates(seed, { share: 0.2 }), TIMES.lateMs);
    await using lab = await openLab({ url: kept.url, timeoutMs: 20_000 });
    const workers = new Set<RunningDcs>();
    const work = () => {
      const flags = ["--lease", "2s", "--poll", "100ms", "--concurrency", "24", "--timeout", "20s"];
      const worker = box.start("saga", "worker", "--journal", kept.url, ...flags);
      workers.add(worker);
      return worker;
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
    let kills = 0;
    for (let last = performance.now(); await livesAny(lab.journal); ) {
      await until(async () => performance.now() - last > 1000 || !(await livesAny(lab.journal)), 5000, 100);
      last = performance.now();
      const [oldest] = workers;
      if (oldest === undefined) throw new Error("there is no worker");
      workers.delete(oldest);
      oldest.process.kill("SIGKILL");
      await oldest.done;
      kills++;
      work();
    }
    await until(() => ledger.coming === 0);

    const statuses = new Map((await keptRuns(lab.journal)).map(({ record }) => [record.state.runId, record]));
    expect(statuses.size).toBe(RUNS);
    const problems = begun.flatMap(({ saga, id, runId }) =>
      problemsOf(saga, ledger, id, statuses.get(runId)?.state.status ?? "lost"),
    );
    expect(problems, `seed ${seed}, ${kills} kills`).toEqual([]);
    expect(await problemsInJournal(lab.journal)).toEqual([]);
    expect(kills).toBeGreaterThan(1);
  }, 1_200_000);
});

async function livesAny(journal: Parameters<typeof keptRuns>[0]): Promise<boolean> {
  const { running = 0, compensating = 0 } = await journal.counts();
  return running + compensating > 0;
}
