import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from "node:fs";
import { DcsError } from "../core/errors.ts";

/** Where a command that runs `-- cmd` writes its own JSON, since stdout belongs to the child: one object a line. */
export interface SideOutput extends Disposable {
  /** Never throws: the command must not suffer because nobody reads about it. The first failure is told and is the last. */
  write(data: object): void;
}

/** A reader that is slow may hold us up for this long, ms; then it is given up. */
const SLOW_READER_MS = 500;
const RETRY_MS = 5;

/**
 * Opens `FILE` or `fd:N`; nothing is written until `write`. `flag` names the flag in errors (USAGE, FILE_INVALID) and in
 * what `warn` is told when writing fails later.
 */
export function sideOutput(
  target: string | undefined,
  flag: string,
  warn: (message: string) => void = (message) => process.stderr.write(`warning ${message}\n`),
): SideOutput | null {
  if (target === undefined) return null;
  const number = /^fd:(\d+)$/.exec(target)?.[1];
  if (number === undefined && target.startsWith("fd:")) {
    throw new DcsError("USAGE", `${flag} ${target}: fd: needs the number of an open descriptor`, {
      hint: `write ${flag} fd:3 and open it in the shell: 3>file`,
      details: { flag, value: target },
    });
  }
  const fd = number === undefined ? openFile(target, flag) : Number(number);
  if (number !== undefined) probe(fd, target, flag);
  let failed = false;
  return {
    write: (data) => {
      if (failed) return;
      try {
        writeAll(fd, Buffer.from(`${JSON.stringify(data)}\n`));
      } catch (error) {
        failed = true;
        const why = codeOf(error) ?? String(error);
        warn(`${flag} ${target} cannot be written (${why}); nothing more is written there`);
      }
    },
    [Symbol.dispose]: () => {
      if (number === undefined) closeSync(fd);
    },
  };
}

/** A pipe that somebody made non-blocking takes what fits, or nothing (EAGAIN). */
function writeAll(fd: number, bytes: Buffer): void {
  const end = performance.now() + SLOW_READER_MS;
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN" || performance.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function openFile(path: string, flag: string): number {
  try {
    return openSync(path, "w", 0o600);
  } catch (cause) {
    throw new DcsError("FILE_INVALID", `${flag}: ${path} cannot be written (${codeOf(cause)})`, {
      cause,
      hint: "give a file in a directory that exists and that you may write to",
      details: { flag, value: path },
    });
  }
}

function probe(fd: number, target: string, flag: string): void {
  let cause: unknown;
  try {
    writeSync(fd, "");
    if (!isNodes(fd)) return;
  } catch (error) {
    cause = error;
  }
  throw new DcsError("USAGE", `${flag} ${target}: that descriptor is not open for writing`, {
    ...(cause === undefined ? {} : { cause }),
    hint: `open it in the shell: ${flag} ${target} ${target.slice(3)}>file`,
    details: { flag, value: target },
  });
}

/**
 * True for the descriptors by which Node's own threads wake each other: they can be written to, and that ends the process
 * with SIGSEGV. They are anonymous (epoll, eventfd), or pipes of which this process has the reading end too.
 */
function isNodes(fd: number): boolean {
  const what = linkOf(String(fd));
  if (what === null || !what.startsWith("pipe:")) return what?.startsWith("anon_inode:") ?? false;
  return readdirSync("/proc/self/fd").some((other) => linkOf(other) === what && isForReading(other));
}

/** What the descriptor is; null where the system does not say. */
function linkOf(fd: string): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return null;
  }
}

/** The access mode is the last octal digit's two low bits: 0 is O_RDONLY. */
function isForReading(fd: string): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & 3) === 0;
  } catch {
    return false;
  }
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error ? String(error.code) : null;
}
