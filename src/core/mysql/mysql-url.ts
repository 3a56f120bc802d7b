import { DcsError } from "../errors.ts";
import { redact } from "../util/redact.ts";

/** One MySQL or MariaDB server, a database on it, and how to log in. */
export interface MysqlTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | null;
  readonly database: string;
  /** `verify` checks the server's certificate, `insecure` only encrypts. */
  readonly tls: "off" | "verify" | "insecure";
  /** The URL without its password, for people. */
  readonly shown: string;
}

const PORT = 3306;
const GRAMMAR = "mysql://user[:password]@host[:port]/database[?tls=off|verify|insecure]";
const TLS = ["off", "verify", "insecure"] as const;

/** All up to the last @ is hidden, whatever stands there: people forget to encode, and to write `mysql://`. */
function shownOf(text: string): string {
  return redact(text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?([^:@/]*):(?!\/\/).*@/is, "$1$2:***@"));
}

/** Reads a `mysql://` URL. URL_INVALID says what is wrong with it; the password is never shown. */
export function parseMysqlUrl(text: string): MysqlTarget {
  const shown = shownOf(text);
  const refuse = (problem: string, cause?: unknown) =>
    new DcsError("URL_INVALID", `database URL "${shown}" ${problem}`, {
      ...(cause !== undefined && { cause }),
      details: { value: shown, allowed: GRAMMAR },
      hint: "write it as mysql://user:password@host:3306/database",
    });
  const authority = /^mysql:\/\/([^/?#]*)/i.exec(text)?.[1];
  if (authority === undefined) throw refuse("does not begin with mysql://");
  if (authority.slice(authority.lastIndexOf("@") + 1).includes(",")) {
    throw refuse("names several servers where one is wanted");
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The reason that URL gives quotes its input, password and all.
    throw refuse("cannot be read: write special characters of user and password as %40, %2F, %3A …");
  }
  const decoded = (what: string, value: string) => {
    try {
      return decodeURIComponent(value);
    } catch {
      throw refuse(`has a stray % in its ${what}: write it as %25`);
    }
  };
  if (url.hostname === "") throw refuse("names no host");
  if (url.hash !== "") throw refuse("has a #: write it as %23");
  if (url.username === "") throw refuse("names no user");
  const database = decoded("database", url.pathname.replace(/^\//, ""));
  if (database === "") throw refuse("names no database");
  if (database.includes("/") || database.length > 64) {
    throw refuse(`has the path /${database}, which is not the name of a database`);
  }
  const tls = url.searchParams.get("tls") ?? "off";
  const unknown = [...url.searchParams.keys()].find((name) => name !== "tls");
  if (unknown !== undefined) throw refuse(`has the parameter ${unknown}; allowed: tls`);
  const mode = TLS.find((each) => each === tls);
  if (mode === undefined) throw refuse(`has tls=${tls}; allowed: ${TLS.join(", ")}`);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? PORT : Number(url.port),
    user: decoded("user", url.username),
    password: url.password === "" ? null : decoded("password", url.password),
    database,
    tls: mode,
    shown,
  };
}
