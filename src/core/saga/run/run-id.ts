import { randomHex } from "../../util/ids.ts";

/** A new id: when it was begun (UTC) for people, and 40 random bits. Sorts by time: `261123-084512-3fa9c1d2e0`. */
export function newRunId(now: number): string {
  const [date = "", time = ""] = new Date(now).toISOString().slice(2, 19).split("T");
  return `${date.replaceAll("-", "")}-${time.replaceAll(":", "")}-${randomHex(5)}`;
}
