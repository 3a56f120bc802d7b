import { type Finding, ok, warn } from "./check.ts";

/** How the runs of a journal stand, from its counts by status. Parked ones wait for a person. */
export function runsFinding(counts: Readonly<Record<string, number>>): Finding {
  const of = (status: string) => counts[status] ?? 0;
  const live = of("running") + of("compensating");
  const parked = of("parked");
  const ended = of("completed") + of("compensated") + of("cancelled");
  const data = { live, parked, ended };
  const detail = `${live} live, ${parked} parked, ${ended} ended`;
  if (parked === 0) return ok("runs", detail, data);
  const many = parked === 1 ? "one waits" : `${parked} wait`;
  return warn("runs", `${detail}: ${many} for a person`, "dcs saga ls --status parked", { data });
}
