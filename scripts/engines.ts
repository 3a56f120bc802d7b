/**
 * The servers that tests run on: found on PATH, else installed where that may be done without asking, else the command to
 * install them is printed and the run fails. Nothing is skipped in silence.
 */
import { spawnSync } from "node:child_process";
import { accessSync, chmodSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

interface Engine {
  /** What must be on PATH. */
  readonly programs: readonly string[];
  /** Debian's and Ubuntu's packages that hold them. */
  readonly packages: readonly string[];
}

const ENGINES: readonly Engine[] = [
  { programs: ["etcd", "etcdctl"], packages: ["etcd-server", "etcd-client"] },
  { programs: ["redis-server"], packages: ["redis-server"] },
  { programs: ["mariadbd", "mariadb-install-db"], packages: ["mariadb-server"] },
  // Sets the clock of a process, in the fault tests.
  { programs: ["faketime"], packages: ["faketime"] },
  // Opens the HTML reports of benchmarks as their readers do.
  { programs: ["chromium"], packages: ["chromium"] },
  // Makes the certificates of the TLS tests.
  { programs: ["openssl"], packages: ["openssl"] },
];

/** Debian asks this script before it starts a service; 101 means no. */
const POLICY = "/usr/sbin/policy-rc.d";

/** The program's path; null where it is not on PATH. */
export function findEngine(program: string): string | null {
  // Debian keeps some servers where only root's PATH leads.
  const places = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin"];
  return places.map((place) => join(place, program)).find(isExecutable) ?? null;
}

/** What to type to get the program. */
export function installCommand(program: string): string {
  const engine = ENGINES.find(({ programs }) => programs.includes(program));
  return `sudo apt-get update && sudo apt-get install --no-install-recommends ${engine?.packages.join(" ") ?? program}`;
}

/** Makes sure of all engines; false when one is missing, after saying what to type. */
export function ensureEngines(): boolean {
  const missing = ENGINES.filter(({ programs }) => programs.some((program) => findEngine(program) === null));
  if (missing.length === 0) return true;
  const packages = missing.flatMap((engine) => engine.packages);
  if (mayInstall()) install(packages);
  const left = missing.flatMap(({ programs }) => programs).filter((program) => findEngine(program) === null);
  if (left.length === 0) return true;
  console.error(`missing: ${left.join(", ")}. Tests need real servers; install them with`);
  console.error(
    `  sudo apt-get update && sudo apt-get install --no-install-recommends ${packages.join(" ")}`,
  );
  return false;
}

function mayInstall(): boolean {
  if (process.getuid?.() !== 0 || findEngine("apt-get") === null) return false;
  return /^ID(?:_LIKE)?=.*\b(?:debian|ubuntu)\b/m.test(readFileSync("/etc/os-release", "utf8"));
}

function install(packages: readonly string[]): void {
  console.log(`installing ${packages.join(" ")}`);
  const hadPolicy = existsSync(POLICY);
  if (!hadPolicy) {
    writeFileSync(POLICY, "#!/bin/sh\nexit 101\n");
    chmodSync(POLICY, 0o755);
  }
  try {
    apt("update");
    apt("install", "--yes", "--no-install-recommends", ...packages);
  } finally {
    if (!hadPolicy) rmSync(POLICY, { force: true });
  }
}

function apt(...words: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["--quiet", ...words], { env, stdio: "inherit" });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
