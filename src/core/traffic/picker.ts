import { DcsError } from "../errors.ts";
import { RandomPicker } from "./random-picker.ts";
import { RendezvousPicker } from "./rendezvous-picker.ts";
import { WrrPicker } from "./wrr-picker.ts";

/** What a picker needs to know of an instance. Ids are unique in a list. */
export interface Candidate {
  readonly id: string;
  /**
   * Its share, relative to the others; fractions are allowed. 0 (or less, or not a number) means drained: it is never
   * picked, not even when nothing else is left.
   */
  readonly weight: number;
}

/** Chooses among candidates. One per process and service; not shared between processes. */
export interface Picker<T extends Candidate> {
  /** Null when there is no candidate with a weight. `key` is what rendezvous hashes; the others ignore it. */
  pick(key?: string): T | null;
  /**
   * The next `count` picks, in order, repeats included. For a rendezvous picker that would be one candidate again and
   * again, so there it is the candidates by rank for the key: the pick, then what would be picked without it, and so on.
   */
  pickMany(count: number, key?: string): readonly T[];
  /** Puts a new list in place of the old one. What has been learnt about candidates that stay is kept. */
  update(candidates: readonly T[]): void;
}

/** The policies there are, for flags and help. */
export const PICKER_POLICIES = ["wrr", "random", "rendezvous"] as const;

/** `wrr` smooth weighted round robin · `random` weighted random · `rendezvous` weighted rendezvous hash on a key. */
export type PickerPolicy = (typeof PICKER_POLICIES)[number];

export interface PickerOptions {
  /** Source of chance, [0, 1). */
  readonly random?: () => number;
  /**
   * Where a wrr picker starts in its period, [0, 1); chance by default, so that many processes that start together do
   * not all begin with the heaviest instance. 0 is the textbook sequence.
   */
  readonly phase?: number;
  /** The key that `pick()` without one hashes. */
  readonly key?: string;
}

export function isPickerPolicy(text: string): text is PickerPolicy {
  return PICKER_POLICIES.some((policy) => policy === text);
}

/** A picker of the policy over the candidates. USAGE for a policy that does not exist. */
export function createPicker<T extends Candidate>(
  policy: PickerPolicy,
  candidates: readonly T[],
  options: PickerOptions = {},
): Picker<T> {
  const random = options.random ?? Math.random;
  switch (policy) {
    case "wrr":
      return new WrrPicker(candidates, options.phase ?? random());
    case "random":
      return new RandomPicker(candidates, random);
    case "rendezvous":
      return new RendezvousPicker(candidates, options.key);
    default:
      throw new DcsError("USAGE", `${JSON.stringify(policy)} is not a policy`, {
        hint: `the policies are ${PICKER_POLICIES.join(", ")}`,
        details: { value: policy, allowed: PICKER_POLICIES },
      });
  }
}
