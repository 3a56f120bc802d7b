import { readFileSync } from "node:fs";
import { DcsError, isDcsError } from "../errors.ts";
import { findCommand } from "../process/find-command.ts";
import type { Engine, EngineName } from "./engine.ts";

/** Debian keeps servers where only root's PATH leads. */
const SERVER_PLACES = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

const PACKAGES: Readonly<Record<"apt-get" | "brew", Readonly<Record<EngineName, string>>>> = {
  "apt-get": { etcd: "etcd-server", redis: "redis-server", mariadb: "mariadb-server" },
  brew: { etcd: "etcd", redis: "redis", mariadb: "mariadb" },
};

/** What is known of the machine; injected by tests. */
export interface Machine {
  readonly path: string;
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  /** The text of /etc/os-release; empty where there is none. */
  readonly osRelease: string;
}

export function thisMachine(path: string): Machine {
  return {
    path,
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    osRelease: readOsRelease(),
  };
}

/** Absolute paths of every program of the engines; ENGINE_MISSING names each that is not there and how to get it. */
export function findPrograms(
  engines: readonly Engine[],
  machine: Machine,
): ReadonlyMap<EngineName, Readonly<Record<string, string>>> {
  const found = new Map<EngineName, Record<string, string>>();
  const missing: { readonly engine: EngineName; readonly program: string }[] = [];
  for (const engine of engines) {
    const paths: Record<string, string> = {};
    for (const [program, names] of Object.entries(engine.programs)) {
      const path = firstOf(names, machine.path);
      if (path === null) missing.push({ engine: engine.name, program });
      else paths[program] = path;
    }
    found.set(engine.name, paths);
  }
  if (missing.length === 0) return found;
  const without = [...new Set(missing.map(({ engine }) => engine))];
  const programs = missing.map(({ program }) => program);
  const rest = engines.map(({ name }) => name).filter((name) => !without.includes(name));
  const install = installCommand(without, machine);
  throw new DcsError(
    "ENGINE_MISSING",
    `${programs.join(", ")} ${programs.length === 1 ? "is" : "are"} not installed; nothing was started`,
    {
      hint: rest.length === 0 ? install : `${install}   # or: dcs up --only ${rest.join(",")}`,
      details: { missing: programs, engines: without, install },
    },
  );
}

/** The command that installs the engines on this machine. */
export function installCommand(engines: readonly EngineName[], machine: Machine): string {
  if (machine.platform === "darwin") {
    return `brew install ${engines.map((engine) => PACKAGES.brew[engine]).join(" ")}`;
  }
  const sudo = machine.isRoot ? "" : "sudo ";
  if (/^ID(?:_LIKE)?=.*\b(?:debian|ubuntu)\b/m.test(machine.osRelease)) {
    const packages = engines.map((engine) => PACKAGES["apt-get"][engine]).join(" ");
    return `${sudo}apt-get update && ${sudo}apt-get install --no-install-recommends ${packages}`;
  }
  return `install ${engines.join(", ")} with the package manager of this system, so that they are on PATH`;
}

function firstOf(names: readonly string[], path: string): string | null {
  for (const name of names) {
    try {
      return findCommand(name, { path: [path, ...SERVER_PLACES].join(":") });
    } catch (error) {
      if (!isDcsError(error)) throw error;
    }
  }
  return null;
}

function readOsRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}
