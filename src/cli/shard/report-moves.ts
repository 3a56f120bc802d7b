import { DcsError, isDcsError } from "../../core/errors.ts";
import type { MoveResult } from "../../core/shard/move/move-event.ts";
import type { RebalanceResult } from "../../core/shard/move/rebalancer.ts";
import { formatByteSize } from "../../core/util/byte-size.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { resumeCommand } from "./keyspace-flag.ts";
import { isLive, type ShardPlaces } from "./shard-places.ts";
import { resultData, resultLine } from "./tell-moves.ts";

/** More lines than this are of no use to a person. */
const LINES = 20;

/**
 * What came of moves, and the exit status: 0 when all were made, 9 when all were taken back, 7 when some were made, 8 when none was
 * and some are still on their way. `more` goes into the data, `typed` into the command to go on with.
 */
export function reportMoves(
  name: string,
  { results, left }: RebalanceResult,
  places: ShardPlaces,
  more: Readonly<Record<string, unknown>> = {},
  typed: { readonly keyspace?: string | undefined } = {},
): void {
  const { out, settings, signal } = places;
  const data = { ...more, results: results.map(resultData), left };
  const moved = results.filter(({ outcome }) => outcome === "moved");
  const aborted = results.filter(({ outcome }) => outcome === "aborted");
  const pending = results.length - moved.length - aborted.length;
  const said = summary(moved, aborted.length, pending, left.length);
  if (pending + left.length === 0 && aborted.length === 0) {
    if (out.mode === "ndjson") out.event("ended", data, said);
    else
      out.result(name, data, {
        lines: () => (isLive(places) ? lines(results, said) : [said]),
        names: () => results.map(({ bucket }) => String(bucket)),
      });
    return;
  }
  if (isLive(places)) for (const line of lines(results, null)) out.note(line);
  const resume = resumeCommand(settings, typed.keyspace);
  const details = { moved: moved.length, aborted: aborted.length, pending, left: left.length };
  if (signal.aborted && isDcsError(signal.reason)) {
    throw new DcsError(signal.reason.code, `interrupted: ${said}; applications go on, nothing is lost`, {
      hint: pending > 0 ? resume : "run it again",
      details,
      data,
    });
  }
  const first = results.find(({ error }) => error !== null)?.error ?? null;
  const why = first === null ? "" : `: ${first.message}`;
  const options = { details, data, ...(first === null ? {} : { cause: first }) };
  if (pending + left.length === 0 && moved.length === 0) {
    throw new DcsError("SHARD_ABORTED", `${said}${why}`, options);
  }
  const hint = first === null || pending === 0 ? resume : hintOf(first.hint, resume);
  const code = moved.length + aborted.length > 0 ? "PARTIAL" : "SHARD_PENDING";
  throw new DcsError(code, `${said}${why}`, { ...options, hint });
}

/** What mends the cause, and then `resume`, said once. */
function hintOf(cause: string, resume: string): string {
  if (cause.includes("dcs shard resume")) return cause.replace("dcs shard resume", resume);
  return `${cause.replace(/[;,] (?:and |then )*(?:then )?run it again$/, "")}; then ${resume}`;
}

function summary(moved: readonly MoveResult[], aborted: number, pending: number, left: number): string {
  const buckets = (count: number) => `${count} ${count === 1 ? "bucket" : "buckets"}`;
  const rows = moved.reduce((sum, result) => sum + result.rows, 0);
  const bytes = moved.reduce((sum, result) => sum + result.bytes, 0);
  const pauses = moved.flatMap(({ pauseMs }) => (pauseMs === null ? [] : [pauseMs]));
  const longest = pauses.length === 0 ? "" : `, longest pause ${formatDuration(Math.max(...pauses))}`;
  const parts = [
    ...(moved.length > 0
      ? [`moved ${buckets(moved.length)}, ${rows} rows, ${formatByteSize(bytes)}${longest}`]
      : []),
    ...(aborted > 0 ? [`${buckets(aborted)} taken back`] : []),
    ...(pending > 0 ? [`${buckets(pending)} still on the way`] : []),
    ...(left > 0 ? [`${buckets(left)} not begun`] : []),
  ];
  return parts.length === 0 ? "nothing was moved" : parts.join("; ");
}

function lines(results: readonly MoveResult[], said: string | null): readonly string[] {
  const shown = results.slice(0, LINES).map(resultLine);
  const more = results.length > LINES ? [`… and ${results.length - LINES} more: --json has all`] : [];
  return [...shown, ...more, ...(said === null ? [] : [said])];
}
