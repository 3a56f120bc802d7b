import { DcsError, toDcsError } from "../../errors.ts";
import { MysqlPool, type PooledConnection } from "../../mysql/mysql-pool.ts";
import { type MysqlTarget, parseMysqlUrl } from "../../mysql/mysql-url.ts";
import { toJournalError } from "../../saga/journal/mysql/journal-error.ts";
import { systemClock } from "../../util/clock.ts";
import { redact } from "../../util/redact.ts";
import { type Examination, type Finding, fail, ok, warn } from "../check.ts";
import { compareVersions, isLoopback } from "../host.ts";
import { latencyOf } from "../measures.ts";
import { examineClock } from "./examine-clock.ts";
import { examineServer, examineWritable } from "./examine-server.ts";
import { examineTables } from "./examine-tables.ts";
import { mysqlFacts } from "./mysql-facts.ts";
import { type MysqlGreeting, readMysqlGreeting } from "./mysql-greeting.ts";

/** The first versions that know SKIP LOCKED, by which a journal hands out runs. */
const MINIMUM = { mariadb: "10.6", mysql: "8.0.1" };

/**
 * Looks at the journal on a MySQL or MariaDB server: from outside first, then as the user of the URL. A login that is refused
 * is a failed check beside what the greeting says.
 */
export async function examineMysql({ url, timeoutMs }: Examination): Promise<readonly Finding[]> {
  const target = parseMysqlUrl(url);
  const { host, port } = target;
  const sent = systemClock.monotonic();
  let greeting: MysqlGreeting;
  try {
    greeting = await readMysqlGreeting(host, port, timeoutMs);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DcsError("JOURNAL_UNREACHABLE", `the server at ${host}:${port} did not greet: ${why}`, {
      cause,
      hint: `mariadb --host=${host} --port=${port} --execute='SELECT VERSION()'`,
    });
  }
  const medianMs = Math.round((systemClock.monotonic() - sent) * 100) / 100;
  const outside = [
    ok("reachable", "the server greets"),
    versionFinding(greeting),
    tlsFinding(greeting, target),
  ];
  let pool: MysqlPool;
  try {
    pool = await MysqlPool.open(target, { timeoutMs, clock: systemClock, size: 1 });
  } catch (error) {
    const greeted = ok("latency", `${medianMs} ms to connect and be greeted`, { medianMs, roundTrips: 1 });
    return [...outside, greeted, loginFinding(error, target)];
  }
  await using session = pool;
  const inside = await session.use((connection) => lookInside(connection, target), timeoutMs * 3);
  return [...outside, ...inside];
}

async function lookInside(connection: PooledConnection, target: MysqlTarget): Promise<readonly Finding[]> {
  const { user, database } = target;
  const facts = await mysqlFacts(connection);
  const writable = examineWritable(facts);
  return [
    ok("login", `${user} may log in and use the database ${database}`, { user, database }),
    await latencyOf(systemClock, () => connection.send(["DO 0"])),
    await examineClock(connection),
    writable,
    ...examineServer(facts),
    ...(await examineTables(connection, target, writable.status === "ok")),
  ];
}

function loginFinding(error: unknown, target: MysqlTarget): Finding {
  const { code, message, hint } = toDcsError(toJournalError(error, target));
  return fail("login", redact(message), redact(hint), { data: { error: code } });
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

function tlsFinding({ offersTls }: MysqlGreeting, { host, tls, shown }: MysqlTarget): Finding {
  const data = { tls, offersTls };
  if (tls === "verify") return ok("tls", "on, and the server's certificate is checked", data);
  if (isLoopback(host)) return ok("tls", `${tls === "off" ? "off" : "on"}, on loopback`, data);
  if (!offersTls) {
    return warn(
      "tls",
      "the server offers no TLS: passwords and data can be read on the way",
      "mariadbd --ssl-cert=/path/server.pem --ssl-key=/path/server-key.pem",
      { data },
    );
  }
  const detail =
    tls === "off"
      ? "the server offers TLS, and the URL does not ask for it: passwords and data can be read on the way"
      : "on, but the server's certificate is not checked: somebody on the way can stand in for it";
  return warn("tls", detail, `export DCS_JOURNAL='${shown.replace(/\?.*$/, "")}?tls=verify'`, { data });
}
