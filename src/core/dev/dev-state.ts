import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DcsError } from "../errors.ts";
import { makeDirectory } from "../util/make-directory.ts";
import type { ContextUrls } from "./dev-context.ts";
import { ENGINE_NAMES, type EngineName } from "./engine.ts";
import type { ProcessMark } from "./server-process.ts";

/** One server that `dcs up` started, or is about to. */
export interface ServerRecord {
  readonly name: string;
  readonly engine: EngineName;
  /** Kept when the server stops, so that contexts stay right. */
  readonly ports: readonly number[];
  /** Null when it was stopped, or never ran. Written before the server's program runs. */
  readonly process: ProcessMark | null;
  /** Epoch ms. */
  readonly startedAt: number;
  /** True once it answered. */
  readonly ready: boolean;
}

export interface DevState {
  readonly servers: readonly ServerRecord[];
  /** What was written as context `dev`, and where; null before. */
  readonly context: { readonly file: string; readonly urls: ContextUrls } | null;
}

/** Where everything of `dcs up` is: `dev/` of the state directory. */
export class DevDirectory {
  readonly path: string;

  constructor(stateDir: string) {
    this.path = join(stateDir, "dev");
  }

  get stateFile(): string {
    return join(this.path, "servers.json");
  }

  get lockUrl(): string {
    return `embedded:${join(this.path, "lock.db")}`;
  }

  data(name: string): string {
    return join(this.path, "data", name);
  }

  log(name: string): string {
    return join(this.path, "log", `${name}.log`);
  }

  /** FILE_INVALID when the file is damaged. */
  read(): DevState {
    let text: string;
    try {
      text = readFileSync(this.stateFile, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") {
        return { servers: [], context: null };
      }
      throw error;
    }
    const state = parse(text);
    if (state !== null) return state;
    throw new DcsError("FILE_INVALID", `${this.stateFile}: does not hold what \`dcs up\` wrote`, {
      details: { file: this.stateFile },
      hint: `look for its servers with \`ps aux | grep ${join(this.path, "data")}\`, end them, then remove ${this.path}`,
    });
  }

  write(state: DevState): void {
    makeDirectory(this.path);
    const fresh = `${this.stateFile}.${process.pid}`;
    writeFileSync(fresh, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    renameSync(fresh, this.stateFile);
  }

  /** Replaces or adds one server's record. */
  record(record: ServerRecord): void {
    const { servers, context } = this.read();
    const others = servers.filter(({ name }) => name !== record.name);
    const sorted = [...others, record].sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name));
    this.write({ servers: sorted, context });
  }
}

function order({ engine }: ServerRecord): number {
  return ENGINE_NAMES.indexOf(engine);
}

function parse(text: string): DevState | null {
  try {
    const { servers, context }: Partial<DevState> = Object(JSON.parse(text));
    const good = Array.isArray(servers) && servers.every(isRecord);
    return good ? { servers, context: context ?? null } : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is ServerRecord {
  const { name, engine, ports, process: mark }: Partial<ServerRecord> = Object(value);
  return (
    typeof name === "string" &&
    ENGINE_NAMES.some((known) => known === engine) &&
    Array.isArray(ports) &&
    ports.every((port) => Number.isInteger(port)) &&
    (mark === null || Number.isSafeInteger(mark?.pid))
  );
}
