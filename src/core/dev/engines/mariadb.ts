import { closeSync, existsSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readMysqlGreeting } from "../../doctor/mysql/mysql-greeting.ts";
import { Supervised } from "../../process/supervisor.ts";
import { systemClock } from "../../util/clock.ts";
import { makeDirectory } from "../../util/make-directory.ts";
import { within } from "../../util/within.ts";
import type { Engine, ServerPlan } from "../engine.ts";

const INSTALL_MS = 120_000;

/**
 * What a user of loopback may do: everything that dcs does, copying of binary logs included; nothing that reaches files of
 * the machine (FILE) or other users' rights.
 */
const INIT = `CREATE DATABASE IF NOT EXISTS dcs;
CREATE USER IF NOT EXISTS 'dcs'@'127.0.0.1';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, TRIGGER, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EXECUTE, LOCK TABLES, EVENT, PROCESS, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'dcs'@'127.0.0.1';
`;

/** One MariaDB server on loopback, with user and database `dcs`, without a password. */
export const mariadbEngine: Engine = {
  name: "mariadb",
  programs: {
    mariadbd: ["mariadbd", "mysqld"],
    "mariadb-install-db": ["mariadb-install-db", "mysql_install_db"],
  },
  ports: 1,
  async prepare(plan, env, signal) {
    makeDirectory(temporary(plan));
    if (!existsSync(plan.data)) await install(plan, env, signal);
    writeFileSync(initFile(plan), INIT, { mode: 0o600 });
  },
  command(plan) {
    const { name, data, ports, programs } = plan;
    const options = {
      datadir: data,
      port: String(ports[0]),
      "bind-address": "127.0.0.1",
      // Within its own directory: a path of its own, and nobody else gets there.
      socket: "mysqld.sock",
      "pid-file": join(data, "mysqld.pid"),
      "init-file": initFile(plan),
      tmpdir: temporary(plan),
      "server-id": /\d+$/.exec(name)?.[0] ?? "1",
      "log-bin": "binlog",
      "binlog-format": "ROW",
      "log-bin-trust-function-creators": "1",
      "character-set-server": "utf8mb4",
      "innodb-buffer-pool-size": "64M",
      ...asUser(plan),
    };
    const args = Object.entries(options).map(([option, value]) => `--${option}=${value}`);
    return {
      program: programs["mariadbd"] ?? "mariadbd",
      args: ["--no-defaults", "--skip-name-resolve", ...args],
    };
  },
  ask: async (port, timeoutMs) => {
    const { version } = await readMysqlGreeting("127.0.0.1", port, timeoutMs);
    return version.replace(/-MariaDB.*$/i, "");
  },
  url: (port) => `mysql://dcs@127.0.0.1:${port}/dcs`,
};

/**
 * The system tables, made aside and moved into place, so that an interrupted installation is never taken for one. The
 * script starts a server of its own, so its whole group ends with it, also when we are killed.
 */
async function install(
  plan: ServerPlan,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const fresh = `${plan.data}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const options = {
    datadir: fresh,
    // Root by the socket only, which stands in a directory that only we may enter.
    "auth-root-authentication-method": "normal",
    ...asUser(plan),
  };
  makeDirectory(dirname(plan.log));
  const log = openSync(plan.log, "w", 0o600);
  try {
    await using script = await Supervised.start({
      command: plan.programs["mariadb-install-db"] ?? "mariadb-install-db",
      args: [
        "--no-defaults",
        "--skip-test-db",
        ...Object.entries(options).map(([option, value]) => `--${option}=${value}`),
      ],
      env: { ...env, TMPDIR: temporary(plan) },
      stdio: ["ignore", log, log],
      watchdog: true,
      graceMs: 0,
    });
    await script.open();
    const done = await within(systemClock, INSTALL_MS, signal, (both) => {
      const { promise, reject } = Promise.withResolvers<never>();
      both.addEventListener("abort", () => reject(both.reason), { once: true });
      promise.catch(() => {});
      return Promise.race([script.finished, promise]);
    });
    if (done?.exit.code !== 0) throw new Error(done === null ? "it took too long" : "the script failed");
  } finally {
    closeSync(log);
  }
  renameSync(fresh, plan.data);
}

/**
 * For temporary tables: a server that starts deletes all that it finds in this directory, so one shared by several
 * servers loses the tables of those that run.
 */
function temporary({ data }: ServerPlan): string {
  return `${data}.tmp`;
}

/** MariaDB refuses to run as root unless it is told to. */
function asUser({ asRoot }: ServerPlan): Readonly<Record<string, string>> {
  return asRoot ? { user: "root" } : {};
}

function initFile({ data }: ServerPlan): string {
  return `${data}.init.sql`;
}
