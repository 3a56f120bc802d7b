import { string } from "@oclif/core/args";
import { boolean, option } from "@oclif/core/flags";
import { integerFlag, positiveDurationFlag } from "../flags.ts";
import { planFlags } from "../plan.ts";
import { keyspaceFlag } from "./keyspace-flag.ts";

/** What is planned. */
export const planningFlags = {
  by: option({
    options: ["count", "bytes"] as const,
    summary: "Even out the number of buckets, or their size (count)",
  })(),
  "max-moves": integerFlag({ min: 1, max: 65_536, summary: "Plan no more moves than this" }),
};

/** How fast moves go. */
export const speedFlags = {
  concurrency: integerFlag({ min: 1, max: 64, summary: "Moves at once (2)" }),
  "max-rate": integerFlag({
    min: 1,
    max: 1_000_000_000,
    summary: "Rows a second of all copies and clean-ups together (no limit)",
  }),
};

/** How moves treat those who use the servers. */
export const moveFlags = {
  ...speedFlags,
  "max-pause": positiveDurationFlag({
    summary: "How long writes to a bucket may wait at its cut before it is tried again (200ms)",
  }),
  "throttle-threads": integerFlag({
    min: 1,
    max: 100_000,
    summary: "Copies wait while a server runs more statements at once than this",
  }),
  "throttle-lag": positiveDurationFlag({
    summary: "Copies wait while a server that is a replica is further behind than this",
  }),
};

/** Of commands that turn moves round. */
export const turnFlags = {
  ...keyspaceFlag,
  force: boolean({ exclusive: ["plan"], summary: "Take them also from a process that lives" }),
  ...moveFlags,
  ...planFlags,
};
export const turnArgs = {
  bucket: string({ ignoreStdin: true, description: "Buckets; all of them unless given" }),
};

/** What was typed of them. */
export interface MoveFlags {
  readonly concurrency?: number | undefined;
  readonly "max-rate"?: number | undefined;
  readonly "max-pause"?: number | undefined;
  readonly "throttle-threads"?: number | undefined;
  readonly "throttle-lag"?: number | undefined;
  readonly "reverse-window"?: number | undefined;
}
