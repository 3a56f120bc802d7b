import { text } from "node:stream/consumers";
import type { Settings } from "../../core/config/settings.ts";
import { DcsError } from "../../core/errors.ts";
import { ShardRouter } from "../../core/shard/router/shard-router.ts";
import type { ShardResult } from "../../core/shard/router/shard-transaction.ts";
import type { Store } from "../../core/store/store.ts";
import type { Output } from "../output.ts";
import { openShards } from "./keyspace-flag.ts";

export interface ExecOptions {
  readonly keyspace: string | undefined;
  readonly key: string;
  /** `-`: it stands on stdin. */
  readonly sql: string;
  readonly params: readonly string[];
  readonly strict: boolean;
  readonly waitMs: number;
}

interface Places {
  readonly store: Store;
  readonly settings: Settings;
  readonly out: Output;
  readonly signal: AbortSignal;
}

/** One statement through a router that lives as long as it. */
export async function execStatement(
  options: ExecOptions,
  { store, settings, out, signal }: Places,
): Promise<void> {
  const sql = options.sql === "-" ? await text(process.stdin) : options.sql;
  const { keyspace } = await openShards(store, options.keyspace);
  const timeoutMs = settings.timeoutMs.value;
  await using router = await ShardRouter.open(store, keyspace, {
    poolSize: 1,
    timeoutMs,
    retryMs: options.waitMs,
    onEvent: (event) => {
      if (event.type === "retry")
        out.verbose(`try ${event.attempt} on ${event.shard} came to nothing (${event.why})`);
    },
  });
  const { key, params, strict } = options;
  const result = await router.query(key, sql, params, { strict, signal }).catch((error: unknown) => {
    throw withFlag(error);
  });
  const { bucket, shard, epoch } = router.locate(key);
  const { columns, affectedRows, insertId } = result;
  const twice = columns.filter((name, at) => columns.indexOf(name) !== at);
  if (twice.length > 0) {
    out.warn(
      "SHARD_COLUMNS",
      `several columns are named ${[...new Set(twice)].join(", ")}, and all show the last one's value: name them apart with AS`,
    );
  }
  const rows = result.rows.map((row) => Object.fromEntries(columns.map((name) => [name, cell(row[name])])));
  out.result(
    "shard.exec",
    { keyspace, bucket, shard, epoch, columns, rows, affectedRows, insertId },
    {
      ...(columns.length > 0 && {
        table: () => ({
          head: columns,
          rows: rows.map((row) => columns.map((name) => String(row[name] ?? "NULL"))),
          empty: "no rows",
        }),
        names: () => rows.map((row) => String(row[columns[0] ?? ""] ?? "NULL")),
      }),
      lines: () => [said(result, shard)],
    },
  );
}

function said({ affectedRows, insertId }: ShardResult, shard: string): string {
  const id = insertId === 0 ? "" : `, insert id ${insertId}`;
  return `${affectedRows} ${affectedRows === 1 ? "row" : "rows"} on shard ${shard}${id}`;
}

/** Bytes as SQL writes them. */
function cell(value: ShardResult["rows"][number][string] | undefined): string | number | null {
  return Buffer.isBuffer(value) ? `0x${value.toString("hex")}` : (value ?? null);
}

/** The library speaks of parameters, the command line of a flag. */
function withFlag(error: unknown): unknown {
  if (!(error instanceof DcsError) || error.code !== "USAGE") return error;
  return new DcsError("USAGE", error.message, {
    cause: error,
    hint: error.message.includes("second statement")
      ? "run one statement at a time"
      : "give one --param VALUE for each ? of the statement",
    details: error.details,
  });
}
