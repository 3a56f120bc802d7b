import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { networkFilesystemOf } from "../../sqlite/network-filesystem.ts";
import { openStore } from "../../store/open-store.ts";
import { systemClock } from "../../util/clock.ts";
import { type Examination, type Finding, fail, ok } from "../check.ts";
import { latencyOf } from "../measures.ts";
import { examineDatabase } from "./examine-database.ts";
import { examineNotices, examinePermissions, examineSpace, existingDirectory } from "./examine-files.ts";
import { examineHolders } from "./examine-holders.ts";

/** Looks at the embedded store's file; one that was not made yet is not made by this. */
export async function examineEmbedded(examination: Examination): Promise<readonly Finding[]> {
  const path = pathOf(examination);
  const directory = dirname(path);
  const network = networkFilesystemOf(existingDirectory(directory));
  if (network !== null) return [networkFinding(path, network, "store")];
  const place = [
    ok("filesystem", "local", { path }),
    ...examinePermissions(path),
    examineSpace(existingDirectory(directory)),
  ];
  if (!existsSync(path)) {
    return [ok("reachable", `${path} is not there yet: the first command that writes makes it`), ...place];
  }
  await using store = await openStore(examination.url, examination);
  const read = () => store.get("/dcs/doctor", { signal: examination.signal });
  await read();
  return [
    ok("reachable", path, { path }),
    ok("version", `SQLite ${process.versions["sqlite"]} in Node ${process.versions.node}`, {
      version: process.versions["sqlite"] ?? null,
    }),
    await latencyOf(systemClock, read),
    ok("clock", "the same machine's"),
    ...place,
    ...examineDatabase(path),
    examineNotices(directory),
    examineHolders(path),
  ];
}

/** The file that `embedded:` URLs name; relative ones were made absolute when the configuration was read. */
function pathOf({ url, stateDir }: Examination): string {
  const rest = url.slice("embedded:".length).replace(/^\/\/(?=\/)/, "");
  return rest === "" ? `${stateDir}/store.db` : rest;
}

/** `kept`: what is kept there, which the variable that names it is called after. */
export function networkFinding(path: string, filesystem: string, kept: "store" | "journal"): Finding {
  return fail(
    "filesystem",
    `${path} is on ${filesystem}, a network filesystem, where its locking cannot be trusted`,
    `export DCS_${kept.toUpperCase()}=embedded:/var/lib/dcs/${kept}.db   # a local path`,
    { data: { error: "STORE_NETWORK_FS", filesystem } },
  );
}
