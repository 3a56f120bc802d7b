/** What a record's `plan` says: whose move it is, and how whoever goes on with it has to make it. */
export interface Wishes {
  /** Of the rebalance. */
  readonly id: string;
  /** How long the way back is kept open after the flip, ms; null: no reverse window. */
  readonly windowMs: number | null;
}

const WINDOW = / window=(\d+)$/;

/** As the text that stands in a record: `p-4f2a`, or `p-4f2a window=3600000`. */
export function wishesText({ id, windowMs }: Wishes): string {
  return windowMs === null ? id : `${id} window=${windowMs}`;
}

export function wishesOf(plan: string): Wishes {
  const window = WINDOW.exec(plan);
  return { id: plan.replace(WINDOW, ""), windowMs: window === null ? null : Number(window[1]) };
}
