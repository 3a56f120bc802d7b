import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { openJournal } from "../../saga/journal/open-journal.ts";
import { embeddedPath } from "../../sqlite/embedded-path.ts";
import { networkFilesystemOf } from "../../sqlite/network-filesystem.ts";
import { systemClock } from "../../util/clock.ts";
import { type Examination, type Finding, ok } from "../check.ts";
import { latencyOf } from "../measures.ts";
import { runsFinding } from "../runs-finding.ts";
import { type Damage, examineDatabase } from "./examine-database.ts";
import { networkFinding } from "./examine-embedded.ts";
import { examinePermissions, examineSpace, existingDirectory } from "./examine-files.ts";
import { examineHolders } from "./examine-holders.ts";

const DAMAGE: Damage = {
  code: "JOURNAL_CORRUPT",
  fix: (file) => `sqlite3 ${file} .recover | sqlite3 ${file}.recovered   # stop what runs sagas first`,
};

/** Looks at the embedded journal's file; one that was not made yet is not made by this. */
export async function examineEmbeddedJournal(examination: Examination): Promise<readonly Finding[]> {
  const path = embeddedPath(examination.url, "journal", `${examination.stateDir}/journal.db`);
  const directory = existingDirectory(dirname(path));
  const network = networkFilesystemOf(directory);
  if (network !== null) return [networkFinding(path, network, "journal")];
  const place = [
    ok("filesystem", "local", { path }),
    ...examinePermissions(path, "make runs do what nobody asked for"),
    examineSpace(directory),
  ];
  if (!existsSync(path)) {
    return [ok("reachable", `${path} is not there yet: the first run of a saga makes it`), ...place];
  }
  await using journal = await openJournal(examination.url, examination);
  const counts = await journal.counts();
  return [
    ok("reachable", path, { path }),
    ok("version", `SQLite ${process.versions["sqlite"]} in Node ${process.versions.node}`, {
      version: process.versions["sqlite"] ?? null,
    }),
    // Opening it has looked at these two, and refuses what does not hold.
    ok("tables", "of this dcs"),
    ok("durability", "synchronous=FULL: a commit is on the disk"),
    await latencyOf(systemClock, () => journal.counts()),
    ok("clock", "the same machine's"),
    ...place,
    ...examineDatabase(path, DAMAGE),
    examineHolders(path),
    runsFinding(counts),
  ];
}
