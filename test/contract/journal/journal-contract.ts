import { describe } from "vitest";
import { batchSuite } from "./batch-suite.ts";
import { claimSuite } from "./claim-suite.ts";
import { commitSuite } from "./commit-suite.ts";
import { createSuite } from "./create-suite.ts";
import type { JournalHarness } from "./journal-harness.ts";
import { readSuite } from "./read-suite.ts";
import { requestSuite } from "./request-suite.ts";

/** The suite every engine of the journal passes. */
export function journalContract(name: string, setUp: () => Promise<JournalHarness>): void {
  describe(`journal contract: ${name}`, () => {
    createSuite(setUp);
    claimSuite(setUp);
    commitSuite(setUp);
    batchSuite(setUp);
    requestSuite(setUp);
    readSuite(setUp);
  });
}
