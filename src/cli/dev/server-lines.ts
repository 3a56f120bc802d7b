import type { ServerStatus } from "../../core/dev/dev-status.ts";
import { layoutTable } from "../text.ts";

/** The servers for people: a table, and below it the end of the log and what to type for each that is not well. */
export function serverLines(servers: readonly ServerStatus[]): readonly string[] {
  const lines = layoutTable({
    head: ["SERVER", "STATE", "VERSION", "PID", "URL"],
    rows: servers.map(({ name, state, version, pid, url }) => [
      name,
      state,
      version ?? "-",
      pid === null ? "-" : String(pid),
      url,
    ]),
    empty: "no server was started here yet: dcs up",
  });
  for (const { name, state, tail, fix, log } of servers) {
    if (fix === null || state === "stopped") continue;
    lines.push("", `${name} ${state}; the end of ${log}:`);
    lines.push(...tail.map((line) => `  ${line}`), `  type: ${fix}`);
  }
  return lines;
}
