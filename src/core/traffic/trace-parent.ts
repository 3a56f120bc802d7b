import { randomHex } from "../util/ids.ts";

/**
 * A `traceparent` of W3C Trace Context level 1, sampled, with a new span. `trace` is 32 hex digits, not all 0: by chance
 * when none is given.
 */
export function traceParent(trace: string = randomHex(16)): string {
  return `00-${trace}-${randomHex(8)}-01`;
}
