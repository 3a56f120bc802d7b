import { DcsError } from "../../core/errors.ts";
import { parseDuration } from "../../core/util/duration.ts";
import { durationFlag } from "../flags.ts";

const MIN_MS = 1000;

/** How long a run stands still when the process that executes it is gone. */
export const leaseFlag = durationFlag({
  summary: "How long runs stand still when this process is gone, before others take them over (10s)",
  parse: async (input) => {
    const ms = parseDuration(input, "--lease");
    if (ms >= MIN_MS) return ms;
    throw new DcsError("USAGE", `--lease ${input}: it must be at least 1s`, {
      hint: "shorter leases are lost whenever the machine is busy; give --lease 5s or more",
      details: { flag: "--lease", value: input, allowed: "1s or more" },
    });
  },
});
