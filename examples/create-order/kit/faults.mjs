/** How a service can be told to misbehave. `apply-then-…`: the effect is there, only the answer goes wrong. */
export const FAULTS = [
  "fail", // 402, or the given status: certainly no effect
  "error", // 500, or the given status: no effect, which the caller cannot know
  "busy", // 409, as if another attempt were under way: no effect
  "stall", // no answer, no effect
  "reset", // the connection breaks, no effect
  "crash", // the process kills itself, no effect
  "slow", // the effect and the answer come after `ms`, the effect also when the caller has gone
  "apply-then-error",
  "apply-then-stall",
  "apply-then-reset",
  "apply-then-crash",
  "refuse-connection", // nobody listens for `ms`; matches nothing, begins at once
];

/** Faults that wait for the requests they are meant for. */
export class Faults {
  /** @type {{ match: string, pattern: RegExp, times: number, after: number, do: string, status?: number, ms: number }[]} */
  #waiting = [];

  get waiting() {
    return this.#waiting.map((fault) => ({
      ...omit(fault, ["pattern"]),
      times: fault.times === Number.POSITIVE_INFINITY ? "always" : fault.times,
    }));
  }

  /** Takes a fault as it was posted; returns what is wrong with it, or null. */
  add(fault) {
    const { match = "*", times = 1, after = 0, status, ms = 1000 } = fault ?? {};
    if (!FAULTS.includes(fault?.do))
      return `do: ${JSON.stringify(fault?.do)} is none of ${FAULTS.join(", ")}`;
    if (typeof match !== "string") return 'match: must be a method and a path, such as "POST /v1/charges"';
    if (times !== "always" && !(Number.isInteger(times) && times > 0))
      return 'times: must be 1 or more, or "always"';
    if (!(Number.isInteger(after) && after >= 0)) return "after: must be 0 or more";
    if (!(Number.isInteger(ms) && ms >= 0)) return "ms: must be 0 or more";
    if (status !== undefined && !(Number.isInteger(status) && status >= 400 && status <= 599))
      return "status: must be 400 to 599";
    const count = times === "always" ? Number.POSITIVE_INFINITY : times;
    this.#waiting.push({ match, pattern: pattern(match), times: count, after, do: fault.do, status, ms });
    return null;
  }

  /** The fault for this request, or null. Each use counts. */
  take(method, path) {
    for (const fault of this.#waiting) {
      if (!fault.pattern.test(`${method} ${path}`)) continue;
      if (fault.after-- > 0) continue;
      fault.after = 0;
      fault.times -= 1;
      if (fault.times === 0) this.#waiting.splice(this.#waiting.indexOf(fault), 1);
      return fault;
    }
    return null;
  }

  clear() {
    this.#waiting = [];
  }
}

/** `*` alone is anything, in a path it is one segment. */
function pattern(match) {
  if (match === "*") return /^/;
  const escaped = match.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]+");
  return new RegExp(`^${escaped}$`);
}

/** An object without some of its keys. */
export function omit(object, names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
