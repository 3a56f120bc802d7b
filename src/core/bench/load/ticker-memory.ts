/** What a ticker and its thread share. */
export interface TickerMemory {
  /** [SEQUENCE] grows with each new time; 0: there was none yet. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** [DUE] is the time to wake at, in ms of the monotonic clock; written before the number grows. */
  readonly times: Float64Array<SharedArrayBuffer>;
}

export const SEQUENCE = 0;
export const DUE = 0;

/** Views of 16 bytes. */
export function tickerMemory(buffer: SharedArrayBuffer): TickerMemory {
  return { control: new Int32Array(buffer, 0, 2), times: new Float64Array(buffer, 8, 1) };
}
