import { closeSync, openSync, writeSync } from "node:fs";
import { DcsError } from "../core/errors.ts";

/** Where a command that runs `-- cmd` writes its own JSON, since stdout belongs to the child: one object a line. */
export interface SideOutput extends Disposable {
  write(data: object): void;
}

/**
 * Opens `FILE` or `fd:N`; nothing is written until `write`. `flag` names the flag in errors (USAGE, FILE_INVALID).
 */
export function sideOutput(target: string | undefined, flag: string): SideOutput | null {
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
  return {
    write: (data) => {
      writeSync(fd, `${JSON.stringify(data)}\n`);
    },
    [Symbol.dispose]: () => {
      if (number === undefined) closeSync(fd);
    },
  };
}

function openFile(path: string, flag: string): number {
  try {
    return openSync(path, "w", 0o600);
  } catch (cause) {
    throw new DcsError("FILE_INVALID", `${flag}: ${path} cannot be written`, {
      cause,
      details: { flag, value: path },
    });
  }
}

function probe(fd: number, target: string, flag: string): void {
  try {
    writeSync(fd, "");
  } catch (cause) {
    throw new DcsError("USAGE", `${flag} ${target}: that descriptor is not open for writing`, {
      cause,
      hint: `open it in the shell: ${flag} ${target} ${target.slice(3)}>file`,
      details: { flag, value: target },
    });
  }
}
