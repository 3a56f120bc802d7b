import { DcsError } from "../../errors.ts";
import { parseDuration } from "../../util/duration.ts";
import type { Stage } from "./schedule.ts";

const STAGE = /^(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?:(.+)$/;
const FORM =
  "RATE:DURATION, or FROM-TO:DURATION for a rate that rises or falls, with commas between: 100:30s,100-1000:1m";

/** Reads `100:30s,100-1000:1m`: hold 100 per second for 30 s, then rise to 1,000 within a minute. USAGE for what is none. */
export function parseStages(text: string, flag: string): readonly Stage[] {
  return text.split(",").map((part) => {
    const [, from, to = from, duration] = STAGE.exec(part.trim()) ?? [];
    if (from === undefined || to === undefined || duration === undefined)
      throw wrong(text, flag, `"${part.trim()}" is no stage`);
    const stage = { from: Number(from), to: Number(to), durationMs: parseDuration(duration, flag) };
    if (stage.durationMs <= 0) throw wrong(text, flag, `"${part.trim()}" lasts no time`);
    if (stage.from === 0 && stage.to === 0) throw wrong(text, flag, `"${part.trim()}" sends nothing`);
    return stage;
  });
}

function wrong(text: string, flag: string, why: string): DcsError {
  return new DcsError("USAGE", `${flag} ${text}: ${why}`, {
    hint: `write ${FORM}`,
    details: { flag, value: text, allowed: FORM },
  });
}
