import { openSync, readFileSync, writeSync } from "node:fs";

/** An order as it is after a write; null when the write deletes it. */
export interface OrderState {
  readonly number: number;
  readonly status: string;
  readonly cents: number;
  readonly note: string | null;
  /** Sum of the quantities of its lines. */
  readonly items: number;
}

/** One write to one order, or to two at once. `try` before it is sent; then at most one of the others. */
export interface Entry {
  /** Number of the write, in the order in which its writer began them. */
  readonly n: number;
  /** `refused`: it certainly did not happen. A try with nothing after it may have happened or not. */
  readonly is: "try" | "ack" | "refused" | "unknown";
  readonly tenant?: string;
  /** By id of the order: what it is afterwards. */
  readonly after?: Readonly<Record<string, OrderState | null>>;
}

/** Appends what a writer does to a file, each line before the next step, so that a killed writer leaves the truth. */
export class Recorder {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  write(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }
}

/** What a file says; a last line that was cut off is left out. */
export function readRecord(path: string): readonly Entry[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Entry);
}
