import { DcsError } from "../../core/errors.ts";
import { parseMysqlUrl } from "../../core/mysql/mysql-url.ts";
import type { Shard, ShardTable } from "../../core/shard/keyspace.ts";
import { redact } from "../../core/util/redact.ts";
import type { Output } from "../output.ts";

const SHARD_FORM = "NAME=mysql://user@host:3306/database";

/** `NAME=URL` as a shard; `flag` is how it was given. USAGE, URL_INVALID. */
export function readShard(
  word: string,
  flag: string,
  more: Partial<Pick<Shard, "weight" | "zone">> = {},
): Shard {
  const at = word.indexOf("=");
  const name = word.slice(0, Math.max(0, at));
  const url = word.slice(at + 1);
  if (at < 1 || !/^[A-Za-z0-9._-]+$/.test(name)) {
    throw new DcsError("USAGE", `${flag}: "${redact(word)}" is not ${SHARD_FORM}`, {
      hint: "name the shard with A-Z a-z 0-9 . _ - and give its URL after =",
      details: { flag, value: redact(word), allowed: SHARD_FORM },
    });
  }
  // What variables stand for is read when it is connected to.
  parseMysqlUrl(url.replace(/\$\{[^}]*\}/g, "1"));
  return { name, url, weight: more.weight ?? 1, zone: more.zone ?? null, state: "active" };
}

/** `NAME:KEYCOLUMN` as a table. USAGE. */
export function readTable(word: string): Pick<ShardTable, "name" | "key"> {
  const at = word.lastIndexOf(":");
  const [name, key] = [word.slice(0, Math.max(0, at)), word.slice(at + 1)];
  if (at >= 1 && key !== "") return { name, key };
  throw new DcsError("USAGE", `--table: "${word}" is not NAME:KEYCOLUMN`, {
    hint: "give the table and the column by which it is spread: --table orders:tenant_id",
    details: { flag: "--table", value: word, allowed: "NAME:KEYCOLUMN" },
  });
}

/** A password in a URL goes into the store, where others read it. */
export function warnOfPasswords(shards: readonly Shard[], out: Output): void {
  for (const { name, url } of shards) {
    const password = /^mysql:\/\/[^/@]*?:([^@/]*)@/i.exec(url)?.[1] ?? "";
    if (password === "" || password.includes("${")) continue;
    out.warn(
      "SHARD_PASSWORD",
      `the URL of shard ${name} has a password, which the store keeps as it is: write \${NAME} in its place, and set NAME where dcs runs`,
    );
  }
}
