import { DcsError, type ErrorCode } from "../errors.ts";
import { isMysqlError, type MysqlError } from "../mysql/mysql-error.ts";

/** A shard as an error names it: `shown` is its URL without the password. */
export interface ShardPlace {
  readonly shard: string;
  readonly shown: string;
}

/** What the server of a shard said, as an error about that shard; anything else is passed through. */
export function toShardError(error: unknown, place: ShardPlace): unknown {
  if (!isMysqlError(error)) return error;
  const { shard, shown } = place;
  const where = `shard ${shard} (${shown})`;
  const { code, message, hint } = sayingOf(error, where);
  return new DcsError(code, message, {
    cause: error,
    details: { shard, url: shown, ...(error.errno !== null && { errno: error.errno }) },
    ...(hint !== undefined && { hint }),
  });
}

interface Saying {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

function sayingOf({ failure, errno, message }: MysqlError, where: string): Saying {
  if (errno === 1419) {
    return {
      code: "SHARD_AUTH",
      message: `${where} lets only users with SUPER make triggers while it keeps a binary log`,
      hint: "SET GLOBAL log_bin_trust_function_creators = 1 there, or give the user SUPER",
    };
  }
  switch (failure) {
    case "unreachable":
    case "lost":
      return {
        code: "SHARD_UNREACHABLE",
        message: `${where} did not answer: ${message}`,
        ...(message.startsWith("no answer within") && {
          hint: "look whether the server hangs, or give what it does more time: --timeout 60s; then run it again",
        }),
      };
    case "auth":
      return { code: "SHARD_AUTH", message: `${where} refused access: ${message}`, ...hintOf(message) };
    case "full":
      return { code: "SHARD_FULL", message: `${where} has no room: ${message}` };
    case "read-only":
      return {
        code: "SHARD_UNREACHABLE",
        message: `${where} is read-only: ${message}`,
        hint: "name the primary in the shard's URL, or wait until the failover is over",
      };
    case "no-database":
      return {
        code: "SHARD_SCHEMA_MISSING",
        message: `${where} has no such database`,
        hint: "make it: CREATE DATABASE … CHARACTER SET utf8mb4",
      };
    case "no-table":
      return { code: "SHARD_SCHEMA_MISSING", message: `${where} lacks a table: ${message}` };
    case "conflict":
      return {
        code: "SHARD_UNREACHABLE",
        message: `other transactions kept what was needed at ${where}: ${message}`,
        hint: "look for a transaction that stays open: SELECT * FROM information_schema.innodb_trx; then run it again",
      };
    default:
      return { code: "UNEXPECTED", message: `${where} said: ${message}` };
  }
}

function hintOf(message: string): { readonly hint: string } | object {
  const privilege = /^([A-Z][A-Z ,]*) command denied/i.exec(message)?.[1];
  return privilege === undefined ? {} : { hint: `GRANT ${privilege.toUpperCase()} ON … TO …` };
}
