import { describe, expect, it } from "vitest";
import { isDcsError } from "../../../src/core/errors.ts";
import { seededRandom } from "../../../src/core/util/seeded-random.ts";
import { EffectLedger } from "../../support/effect-ledger.ts";
import { seededFates } from "../../support/ledger-fates.ts";
import { randomSaga } from "../../support/random-saga.ts";
import { problemsInJournal } from "../../support/saga-invariants.ts";
import { JOURNALS } from "../../support/saga-journals.ts";
import { until } from "../../support/until.ts";
import { inParallel } from "../kit/in-parallel.ts";
import { MortalSagas, openGround, readSaga } from "../kit/mortal-sagas.ts";
import { problemsOfCase } from "../kit/problems-of-case.ts";
import { runSeed } from "../kit/schedule.ts";

const LONG = process.env["DCS_LONG"] === "1";
const RUNS = LONG ? 10_000 : 80;
const AT_ONCE = LONG ? 200 : 80;
const LEASE_MS = 1500;
/** Of the processes that execute a run one after the other, this part dies on the way. */
const DEATHS = 0.4;
/** Points at which it may: most runs have fewer. */
const POINTS = 24;
/** What is late still arrives within `settle`, also on a busy machine. */
const TIMES = { timeoutMs: 400, settleMs: 1000 };

describe.each(JOURNALS)("random sagas on $name", ({ open }) => {
  it(`${RUNS} of them end with all or nothing, whatever becomes of calls and processes`, async (test) => {
    const seed = runSeed("random runs", test);
    await using kept = await open();
    await using ledger = await EffectLedger.start(seededFates(seed));
    await using ground = await openGround(kept.url);
    const seeds = Array.from({ length: RUNS }, (_, index) => seed + index);

    const ended = await inParallel(seeds, AT_ONCE, async (own) => {
      const random = seededRandom(own);
      const saga = randomSaga({ seed: own, url: ledger.url, ...TIMES });
      const read = await readSaga(saga.text);
      const id = `case-${own}`;
      const parts = { input: { id }, businessKey: id };
      for (let deaths = 0; ; deaths++) {
        const dies = deaths < 4 && random() < DEATHS;
        const at = dies ? 1 + Math.floor(random() * POINTS) : Number.POSITIVE_INFINITY;
        const mortal = new MortalSagas(ground, LEASE_MS, at);
        const running = mortal.sagas.run(read, parts).catch((error: unknown) => {
          // A busy machine may lose a lease as well: then another goes on.
          if (isDcsError(error, "RUN_LOST")) return null;
          throw error;
        });
        const followed = await Promise.race([running, mortal.died.then(() => null)]);
        if (followed !== null) return { saga, id, ...followed.record.state };
      }
    });
    await until(() => ledger.coming === 0);

    const problems: string[] = [];
    for (const { saga, id, status, runId } of ended) {
      const found = problemsOfCase(saga, ledger, id, status);
      if (found.length > 0)
        problems.push([...found, JSON.stringify(await ground.journal.events(runId))].join("\n"));
    }
    expect(problems.slice(0, 5), `seed ${seed}: ${problems.length} problems`).toEqual([]);
    expect(await problemsInJournal(ground.journal)).toEqual([]);
    const statuses = new Set(ended.map(({ status }) => status));
    expect([...statuses].sort()).toEqual(expect.arrayContaining(["compensated", "completed"]));
  }, 1_200_000);
});
