import { setFlagsFromString } from "node:v8";

/**
 * From now on V8 collects garbage early in place of growing its heap: for a process that only moves data through, whose garbage is
 * all it would grow by. Measured on a copy of a million rows: 108 MiB in place of 182, at the same speed. It is for the whole
 * process, so nothing but a command of its own may call it.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--optimize-for-size");
}
