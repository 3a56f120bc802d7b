/** The thread of a ticker: sleeps until the time that it was given, says so, and waits for the next. */
import { parentPort, workerData } from "node:worker_threads";
import { now } from "./now.ts";
import { DUE, SEQUENCE, tickerMemory } from "./ticker-memory.ts";

const { control, times } = tickerMemory(workerData as SharedArrayBuffer);

let handled = 0;
// It is ended from outside: a thread may be terminated while it waits.
for (;;) {
  const seen = Atomics.load(control, SEQUENCE);
  if (seen === handled) {
    Atomics.wait(control, SEQUENCE, seen);
    continue;
  }
  const left = (times[DUE] ?? 0) - now();
  if (left > 0 && Atomics.wait(control, SEQUENCE, seen, left) !== "timed-out") continue;
  handled = seen;
  parentPort?.postMessage(0);
}
