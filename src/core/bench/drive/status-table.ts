import type { StatusRange } from "../bench-plan.ts";

/** A status in it is answered well: one look a request, where ranges would be searched. */
export class StatusTable {
  readonly #isOk = new Uint8Array(1000);

  constructor(ranges: readonly StatusRange[]) {
    for (const { from, to } of ranges) this.#isOk.fill(1, from, to + 1);
  }

  has(status: number): boolean {
    return this.#isOk[status] === 1;
  }
}
