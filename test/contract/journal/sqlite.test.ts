import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteJournal } from "../../../src/core/saga/journal/sqlite/sqlite-journal.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { journalContract } from "./journal-contract.ts";

journalContract("sqlite", async () => {
  const dir = await mkdtemp(join(tmpdir(), "dcs-journal-"));
  return {
    open: () => openSqliteJournal(join(dir, "journal.db"), { timeoutMs: 10_000, clock: systemClock }),
    destroy: () => rm(dir, { recursive: true, force: true }),
  };
});
