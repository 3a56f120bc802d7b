/** What is nested deeper is refused: going through it would overflow the stack. */
export const MAX_JSON_DEPTH = 100;

/** True when lists and objects are nested more than `MAX_JSON_DEPTH` deep. */
export function isTooDeep(value: unknown, depth = 0): boolean {
  if (depth > MAX_JSON_DEPTH) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((each) => isTooDeep(each, depth + 1));
}
