import { toDcsError } from "../../core/errors.ts";
import type { Sagas } from "../../core/saga/run/sagas.ts";
import { sleep, systemClock } from "../../core/util/clock.ts";
import { paint } from "../colour.ts";
import type { Output } from "../output.ts";
import { isSettled, type SeenRun, seenLines, seeRun } from "./show-run.ts";
import { timelineLine } from "./timeline-lines.ts";

/** How often the journal is looked at, ms. */
const LOOK_MS = 250;
/** To the corner, and clear what is below: what scrolled away stays there. */
const CLEAR = "\u001b[H\u001b[J";

/**
 * `saga show --watch`, until the run has ended, is parked, or `signal` aborts: on a terminal the page is drawn anew, elsewhere each
 * thing that happens is a line or an object. A journal that does not answer for a while is told once.
 */
export async function watchRun(id: string, sagas: Sagas, out: Output, signal: AbortSignal): Promise<void> {
  let seen = await seeRun(id, sagas, out);
  const { runId } = seen.record.state;
  tell(seen, 0, out);
  let told = seen.timeline.length;
  let isDown = false;
  while (!isSettled(seen) && !signal.aborted) {
    await sleep(systemClock, LOOK_MS, signal).catch(() => {});
    if (signal.aborted) break;
    try {
      seen = await seeRun(runId, sagas, out);
      isDown = false;
    } catch (cause) {
      const error = toDcsError(cause);
      if (!error.retryable) throw error;
      if (!isDown)
        out.event(
          "journal-down",
          { code: error.code, message: error.message },
          `journal down  ${error.message}`,
        );
      isDown = true;
      continue;
    }
    if (out.tty || seen.timeline.length > told) tell(seen, told, out);
    told = seen.timeline.length;
  }
  if (!out.tty) {
    const { status } = seen.view;
    out.event("standing", { run: runId, status, error: seen.view.error }, `${status}  ${runId}`);
  }
}

function tell(seen: SeenRun, told: number, out: Output): void {
  if (out.tty) {
    const height = Math.max(10, (process.stdout.rows || 24) - 1);
    const lines = seenLines(seen, paint(process.stdout));
    // Of a page that is too long the end is what happens now; the steps stay on top.
    const head = Math.min(lines.length, 6 + seen.view.steps.length);
    const tail =
      lines.length <= height ? lines.slice(head) : lines.slice(Math.max(head, lines.length - height + head));
    process.stdout.write(`${CLEAR}${[...lines.slice(0, head), ...tail].join("\n")}\n`);
    return;
  }
  for (const line of seen.timeline.slice(told)) {
    const { type, at, ...rest } = line;
    out.event(
      type,
      { run: seen.view.run, happenedAt: new Date(at).toISOString(), ...rest },
      timelineLine(line, paint({}, {})),
    );
  }
}
