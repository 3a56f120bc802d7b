import type { KeyValue } from "../../store/store.ts";
import type { LockMode } from "../lock.ts";
import { goesWith, modeText, parseMode } from "../lock-mode.ts";

/**
 * Who of a queue holds, by order and modes alone: the first, and those right behind who may hold beside it. Since nobody
 * ever gets a place before another's, who may hold once may hold until it leaves.
 */

export function modeOf(place: KeyValue): LockMode {
  return parseMode(place.value);
}

/** Those of a queue who hold. */
export function* holding<T>(queue: Iterable<T>, modeOf: (place: T) => LockMode): Generator<T, void> {
  let text: string | null = null;
  let left = 1;
  for (const place of queue) {
    const mode = modeOf(place);
    if (text === null) {
      text = modeText(mode);
      if (mode.type !== "exclusive") left = mode.type === "slots" ? mode.slots : Number.POSITIVE_INFINITY;
    } else if (modeText(mode) !== text) return;
    yield place;
    if (--left === 0) return;
  }
}

/** How many of a queue, from its beginning, hold. */
export function countHolders(queue: readonly LockMode[]): number {
  let count = 0;
  for (const _ of holding(queue, (mode) => mode)) count++;
  return count;
}

/** True when the place at `index` holds. */
export function isTurn(places: readonly KeyValue[], index: number): boolean {
  return index >= 0 && index < countHolders(places.slice(0, index + 1).map(modeOf));
}

/** True when one more place, at the end, would hold. */
export function hasRoom(places: readonly KeyValue[], mode: LockMode): boolean {
  return countHolders([...places.map(modeOf), mode]) > places.length;
}

/** The first place where it is held, or about to be, in a mode that this one does not go with. */
export function mixedWith(places: readonly KeyValue[], mode: LockMode): KeyValue | null {
  const [first] = places;
  return first === undefined || goesWith(modeOf(first), mode) ? null : first;
}

/** What a place waits for: until at most so many of these are left. Then it has to look again. */
export interface Obstacle {
  readonly places: readonly KeyValue[];
  readonly most: number;
}

/**
 * What stands in the way of a place in this mode behind these. An exclusive one looks at the place right before it, as
 * etcd's own does; a reader at the last before it that does not read; one of N at all before it, for any may leave.
 */
export function obstacle(before: readonly KeyValue[], mode: LockMode): Obstacle {
  if (mode.type === "exclusive") return { places: before.slice(-1), most: 0 };
  const text = modeText(mode);
  const other = before.findLast((place) => place.value !== text);
  if (other !== undefined) return { places: [other], most: 0 };
  return mode.type === "shared" ? { places: [], most: 0 } : { places: before, most: mode.slots - 1 };
}
