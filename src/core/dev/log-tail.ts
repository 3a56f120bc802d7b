import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const BYTES = 8192;

/** The last lines of a log; none when there is no log. */
export function logTail(path: string, lines = 10): readonly string[] {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, BYTES));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    const all = buffer
      .toString("utf8")
      .split("\n")
      .map((line) => line.trimEnd());
    // The first line is cut where the file is longer.
    return (size > BYTES ? all.slice(1) : all).filter((line) => line !== "").slice(-lines);
  } finally {
    closeSync(fd);
  }
}
