import { DcsError } from "../errors.ts";
import { systemClock } from "../util/clock.ts";
import { redact } from "../util/redact.ts";
import { type Examination, type Finding, fail, ok, warn } from "./check.ts";
import { compareVersions, isLoopback } from "./host.ts";
import { type MysqlGreeting, readMysqlGreeting } from "./mysql-greeting.ts";

const DEFAULT_PORT = 3306;
/** The first versions that know SKIP LOCKED, by which a journal hands out runs. */
const MINIMUM = { mariadb: "10.6", mysql: "8.0.1" };

/** Looks at a MySQL or MariaDB server from outside: nobody logs in. */
export async function examineMysql({ url, timeoutMs }: Examination): Promise<readonly Finding[]> {
  const { host, port } = addressOf(url);
  const sent = systemClock.monotonic();
  let greeting: MysqlGreeting;
  try {
    greeting = await readMysqlGreeting(host, port, timeoutMs);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DcsError("STORE_UNREACHABLE", `the server at ${host}:${port} did not greet: ${why}`, {
      cause,
      hint: `mariadb --host=${host} --port=${port} --execute='SELECT VERSION()'`,
    });
  }
  const medianMs = Math.round((systemClock.monotonic() - sent) * 100) / 100;
  return [
    ok("reachable", "the server greets; user and password are not tried: no command uses a journal yet"),
    versionFinding(greeting),
    ok("latency", `${medianMs} ms to connect and be greeted`, { medianMs, roundTrips: 1 }),
    tlsFinding(greeting, host),
  ];
}

function versionFinding({ version, isMariaDb }: MysqlGreeting): Finding {
  const minimum = isMariaDb ? MINIMUM.mariadb : MINIMUM.mysql;
  const name = isMariaDb ? "MariaDB" : "MySQL";
  const data = { version, minimum };
  const shown = `${name} ${version.replace(/-MariaDB.*$/i, "")}`;
  if (compareVersions(version, minimum) >= 0) return ok("version", shown, data);
  const fix = `apt-get install --only-upgrade ${isMariaDb ? "mariadb-server" : "mysql-server"}`;
  return fail("version", `${shown} is older than ${minimum}, the first with SKIP LOCKED`, fix, { data });
}

function tlsFinding({ offersTls }: MysqlGreeting, host: string): Finding {
  if (offersTls) return ok("tls", "the server offers TLS");
  if (isLoopback(host)) return ok("tls", "off, on loopback");
  return warn(
    "tls",
    "the server offers no TLS: passwords and data can be read on the way",
    "mariadbd --ssl-cert=/path/server.pem --ssl-key=/path/server-key.pem",
  );
}

function addressOf(url: string): { readonly host: string; readonly port: number } {
  try {
    const { hostname, port } = new URL(url);
    return {
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? DEFAULT_PORT : Number(port),
    };
  } catch (cause) {
    throw new DcsError("URL_INVALID", `journal URL "${redact(url)}" cannot be read`, {
      cause,
      hint: "write it as mysql://user:password@host:3306/database",
    });
  }
}
