import { randomUUID } from "node:crypto";
import { realpath, rename, rm, stat, writeFile } from "node:fs/promises";

/**
 * Writes a file so that there is the old one or the new one, whole, whenever the process ends. What is no plain file (a pipe,
 * /dev/stdout) is written to as it is.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const place = await realpath(path).catch(() => path);
  const there = await stat(place).catch(() => null);
  if (there !== null && !there.isFile()) {
    await writeFile(place, text);
    return;
  }
  const temp = `${place}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`;
  try {
    await writeFile(temp, text, { flag: "wx", ...(there === null ? {} : { mode: there.mode }) });
    await rename(temp, place);
  } catch (error) {
    await rm(temp, { force: true }).catch(() => {});
    throw error;
  }
}
