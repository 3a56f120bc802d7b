import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DcsError } from "../errors.ts";

/** What `dcs config use` remembers: a context is told by its name and by the file that defines it. */
export interface Selection {
  readonly context: string;
  /** Absolute path of the file that defined it when it was selected. */
  readonly file: string;
}

/** The user's own file that holds the selection; `config use` writes nothing else. */
export function selectionFile(stateDir: string): string {
  return join(stateDir, "context.json");
}

/** The selected context, or null. CONFIG_INVALID when the file is damaged or may not be read. */
export function readSelection(stateDir: string): Selection | null {
  const path = selectionFile(stateDir);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    // Whoever selected a context must not end up on another store because the selection cannot be read.
    throw new DcsError("CONFIG_INVALID", `${path}: cannot be read: ${code}`, {
      cause,
      details: { file: path },
      hint: "make the file readable, or set DCS_STATE_DIR to another directory",
    });
  }
  try {
    const parsed: unknown = JSON.parse(text);
    const { context, file } = Object(parsed) as Partial<Selection>;
    if (typeof context === "string" && typeof file === "string") return { context, file };
  } catch {
    // Told below, like any other content that is not a selection.
  }
  throw new DcsError("CONFIG_INVALID", `${path}: does not hold a selected context`, {
    details: { file: path },
    hint: "run `dcs config use NAME`, or `dcs config use --none`",
  });
}

/** Remembers the selection, or forgets it with null. PERMISSION_DENIED when the state directory cannot be written. */
export function writeSelection(stateDir: string, selection: Selection | null): void {
  const path = selectionFile(stateDir);
  const fresh = `${path}.${process.pid}`;
  try {
    if (selection === null) {
      rmSync(path, { force: true });
      return;
    }
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    writeFileSync(fresh, `${JSON.stringify(selection)}\n`, { mode: 0o600 });
    renameSync(fresh, path);
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new DcsError("PERMISSION_DENIED", `${path}: cannot be written: ${why}`, {
      cause,
      details: { file: path },
      hint: "make the state directory writable, or set DCS_STATE_DIR to another",
    });
  }
}
