import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DcsError, ERROR_TABLE, type ErrorCode, toDcsError } from "../../core/errors.ts";

/** Set for the keeper that --detach leaves behind: the path of its log. */
const KEEPER_ENV = "DCS_INTERNAL_KEEPER";

/** What a keeper tells the command that started it, once. */
export type KeeperMessage =
  | { readonly type: "ready"; readonly data: Readonly<Record<string, unknown>> }
  | { readonly type: "failed"; readonly error: KeeperFailure };

interface KeeperFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The keeper's end of the line. */
export interface KeeperLink {
  ready(data: Readonly<Record<string, unknown>>): void;
  failed(error: unknown): void;
  /** After a clean end nobody needs the log. */
  cleanUp(): void;
}

/** Null in a process that is no keeper. Takes the mark out of the environment, so that commands do not inherit it. */
export function keeperLink(): KeeperLink | null {
  const log = process.env[KEEPER_ENV];
  delete process.env[KEEPER_ENV];
  if (log === undefined || process.send === undefined) return null;
  let told = false;
  const tell = (message: KeeperMessage) => {
    if (told || !process.connected) return;
    told = true;
    // The one who started us may be gone already; the registration stands all the same.
    process.send?.(message, () => process.connected && process.disconnect());
  };
  return {
    ready: (data) => tell({ type: "ready", data }),
    failed(error) {
      const { code, message, hint, details } = toDcsError(error);
      tell({ type: "failed", error: { code, message, hint, details } });
    },
    cleanUp: () => rmSync(log, { force: true }),
  };
}

export interface DetachOptions {
  /** The words of this command line, `--detach` taken out. */
  readonly args: readonly string[];
  readonly stateDir: string;
  /** Part of the log's name. */
  readonly name: string;
  readonly signal: AbortSignal;
}

export interface DetachedKeeper {
  readonly pid: number;
  readonly log: string;
  /** What it said when it was ready. */
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Runs this very program again as a keeper: new session, no terminal, output to a log. Resolves once it says that it is
 * ready; rejects with its own error, and then no keeper is left.
 */
export async function startKeeper(options: DetachOptions): Promise<DetachedKeeper> {
  const { args, stateDir, name, signal } = options;
  const log = join(stateDir, "keepers", `${name}-${randomBytes(4).toString("hex")}.log`);
  const fd = openLog(log);
  const script = process.argv[1] ?? "";
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    detached: true,
    stdio: ["ignore", fd, fd, "ipc"],
    env: { ...process.env, [KEEPER_ENV]: log },
  });
  closeSync(fd);
  const { promise, resolve, reject } = Promise.withResolvers<DetachedKeeper>();
  let died = false;
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  child.once("error", reject);
  // Its last message may arrive after the news of its end.
  child.once("exit", (code, signal) => {
    const reported = () => {
      died = true;
      reject(endedEarly(code ?? signal, log));
    };
    if (child.connected) child.once("disconnect", reported);
    else reported();
  });
  child.once("message", (message: KeeperMessage) => {
    if (message.type === "failed") reject(failure(message.error));
    else resolve({ pid: child.pid ?? 0, log, data: message.data });
  });
  try {
    return await promise;
  } catch (error) {
    child.kill("SIGTERM");
    // What the keeper could say for itself is told by the error; the log would be left for nobody.
    if (!died) rmSync(log, { force: true });
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    child.removeAllListeners();
    child.on("error", () => {});
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function openLog(log: string): number {
  try {
    mkdirSync(join(log, ".."), { recursive: true, mode: 0o700 });
    return openSync(log, "a", 0o600);
  } catch (error) {
    throw new DcsError("PERMISSION_DENIED", `the keeper's log ${log} cannot be made`, {
      cause: error,
      details: { path: log },
      hint: "make the state directory writable, or set DCS_STATE_DIR",
    });
  }
}

function failure({ code, message, hint, details }: KeeperFailure): DcsError {
  return new DcsError(code in ERROR_TABLE ? code : "UNEXPECTED", message, { hint, details });
}

function endedEarly(status: number | NodeJS.Signals | null, log: string): DcsError {
  const said = tail(log);
  const last = said.at(-1) ?? "";
  const what = `the keeper ended with ${status} before it was ready`;
  return new DcsError("UNEXPECTED", last === "" ? what : `${what}: ${last}`, {
    details: { status, log, said },
    hint: `see its log ${log}`,
  });
}

function tail(log: string): readonly string[] {
  try {
    return readFileSync(log, "utf8").trimEnd().split("\n").slice(-5);
  } catch {
    return [];
  }
}
