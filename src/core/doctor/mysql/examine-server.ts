import { type Finding, fail, ok, unknown, warn } from "../check.ts";
import type { MysqlFacts } from "./mysql-facts.ts";

/**
 * What one output (1 MiB) may come to, when every character of it is escaped twice, with room for others in the same
 * transaction; both servers have at least this by themselves. Bytes.
 */
const PACKET = 16 * 1024 * 1024;

/** Whether it takes writes at all, and whether they stay. */
export function examineWritable({ settings, isReplica }: MysqlFacts): Finding {
  const why = (["innodb_read_only", "super_read_only", "read_only"] as const).find((name) =>
    ["ON", "1"].includes(settings.get(name) ?? ""),
  );
  const data = { readOnly: why ?? null, isReplica };
  const fix = "export DCS_JOURNAL=mysql://USER@PRIMARY:3306/DATABASE   # the primary";
  if (why !== undefined) {
    const what = isReplica === true ? `the server is a replica, with ${why}=ON` : `${why} is ON`;
    return fail("writable", `${what}: it takes no transition of a run`, fix, { data });
  }
  if (isReplica === true) {
    return fail(
      "writable",
      "the server is a replica: runs written here are not on its primary, where other workers write theirs",
      fix,
      { data },
    );
  }
  if (isReplica === null) {
    return ok("writable", "not read-only; whether it is a replica is not for this user to see", data);
  }
  return ok("writable", "not read-only, and no replica of another", data);
}

/** Whether the server's settings keep what the journal promises. */
export function examineServer(facts: MysqlFacts): readonly Finding[] {
  return [durability(facts), binlog(facts), isolation(facts), packet(facts)];
}

function durability({ settings }: MysqlFacts): Finding {
  const flush = settings.get("innodb_flush_log_at_trx_commit") ?? "";
  const method = settings.get("innodb_flush_method") ?? null;
  const doublewrite = settings.get("innodb_doublewrite") ?? null;
  const data = {
    innodb_flush_log_at_trx_commit: flush,
    innodb_flush_method: method,
    innodb_doublewrite: doublewrite,
  };
  if (flush === "0" || flush === "2") {
    const crash = flush === "0" ? "a crash of the server or its machine" : "a crash of the machine";
    return warn(
      "durability",
      `innodb_flush_log_at_trx_commit is ${flush}: ${crash} forgets about the last second of transitions, so that calls of it are sent again and runs begun in it are known to nobody`,
      setGlobal("innodb_flush_log_at_trx_commit = 1"),
      { data },
    );
  }
  if (method !== null && /nosync/i.test(method)) {
    return warn(
      "durability",
      `innodb_flush_method is ${method}: nothing is synced, so that a crash of the machine can leave no journal at all`,
      "mariadbd --innodb-flush-method=O_DIRECT   # in the server's configuration; needs a restart",
      { data },
    );
  }
  if (doublewrite !== null && /^(?:OFF|0)$/i.test(doublewrite)) {
    return warn(
      "durability",
      "innodb_doublewrite is OFF: a page that is half written when the machine crashes cannot be mended, unless the filesystem writes pages whole",
      "mariadbd --innodb-doublewrite=ON   # in the server's configuration; needs a restart",
      { data },
    );
  }
  if (flush === "") return unknown("durability", "the server does not say how it flushes its log");
  return ok("durability", `innodb_flush_log_at_trx_commit is ${flush}: a commit is on the disk`, data);
}

function binlog({ settings }: MysqlFacts): Finding {
  const isOn = settings.get("log_bin") === "ON";
  const [sync = "", format = ""] = [settings.get("sync_binlog"), settings.get("binlog_format")];
  if (!isOn) return ok("binlog", "off: no replica follows", { log_bin: false });
  const data = { log_bin: true, sync_binlog: Number(sync), binlog_format: format };
  if (format === "STATEMENT") {
    return fail(
      "binlog",
      "binlog_format is STATEMENT: the server refuses every transition, since sessions of dcs are READ COMMITTED",
      setGlobal("binlog_format = ROW"),
      { data },
    );
  }
  if (sync === "1") return ok("binlog", `on, sync_binlog is 1, format ${format}`, data);
  const many = sync === "0" ? "the last transitions" : `up to ${sync} groups of transitions`;
  return warn(
    "binlog",
    `sync_binlog is ${sync}: a crash of the machine forgets ${many}, also with innodb_flush_log_at_trx_commit=1 (what is not in the binary log is rolled back), and a replica may differ from then on`,
    setGlobal("sync_binlog = 1"),
    { data },
  );
}

function isolation({ settings }: MysqlFacts): Finding {
  const detect = settings.get("innodb_deadlock_detect") ?? "ON";
  const data = { isolation: "READ COMMITTED", innodb_deadlock_detect: detect };
  if (detect === "ON") {
    return ok("isolation", "READ COMMITTED, set by each session; deadlocks are detected", data);
  }
  return warn(
    "isolation",
    "innodb_deadlock_detect is OFF: transactions that wait for each other stand still until innodb_lock_wait_timeout (half of --timeout)",
    setGlobal("innodb_deadlock_detect = ON"),
    { data },
  );
}

function packet({ settings }: MysqlFacts): Finding {
  const bytes = Number(settings.get("max_allowed_packet") ?? 0);
  const data = { max_allowed_packet: bytes };
  if (bytes >= PACKET) return ok("packet", `max_allowed_packet is ${bytes}`, data);
  return warn(
    "packet",
    `max_allowed_packet is ${bytes}: a transition with a large output (up to 1 MiB) may not fit, and its run then stands still with JOURNAL_FULL`,
    setGlobal(`max_allowed_packet = ${PACKET}`),
    { data },
  );
}

/** Until the next restart; what it must be in the configuration file too is said in the documentation. */
function setGlobal(setting: string): string {
  return `mariadb --execute='SET GLOBAL ${setting}'   # and in the server's configuration`;
}
