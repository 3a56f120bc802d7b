import { z } from "zod";
import { DcsError } from "../../errors.ts";
import type { KeyValue } from "../../store/store.ts";
import { SHARD_STATES } from "../keyspace.ts";

/** Layout of all values of a keyspace; a newer one is not read. */
const VERSION = 1;

/** Names as those of services. */
const nameSchema = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "letters, digits, . _ - only, at most 64");

const shardSchema = z.object({
  name: nameSchema,
  url: z.string().min(1),
  weight: z.number().positive(),
  zone: z.string().nullable(),
  state: z.enum(SHARD_STATES),
});

const tableSchema = z.object({
  name: z.string().min(1),
  key: z.string().min(1),
  primaryKey: z.array(z.string().min(1)).min(1),
});

export const keyspaceSchema = z.object({
  keyspace: z.object({
    name: nameSchema,
    buckets: z
      .number()
      .int()
      .min(2)
      .max(65_536)
      .refine((count) => Number.isInteger(Math.log2(count)), {
        error: ({ input }) => `${String(input)} is not a power of two`,
      }),
    hash: z.literal("crc32"),
    tables: z
      .array(tableSchema)
      .refine(hasNamesOnce, { error: ({ input }) => `${twice(input)} is named twice` }),
  }),
  shards: z
    .array(shardSchema)
    .min(1)
    .refine(hasNamesOnce, { error: ({ input }) => `${twice(input)} is named twice` }),
});

export const recordSchema = z.object({
  bucket: z.number().int().nonnegative(),
  src: z.string(),
  dst: z.string(),
  epoch: z.number().int().nonnegative(),
  intent: z.enum(["move", "abort"]),
  isReverse: z.boolean(),
  plan: z.string(),
  startedAt: z.number(),
});

export const runnerSchema = z.object({ id: z.string(), host: z.string(), pid: z.number() });

/** A value as the store is to have it. */
export function toStored(value: object): string {
  return JSON.stringify({ v: VERSION, ...value });
}

/** What a key has. SHARD_STORE_NEWER, SHARD_STORE_INVALID. */
export function fromStored<T>(kv: KeyValue, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(kv.value);
  } catch (cause) {
    throw invalidStored(kv.key, "it is no JSON", cause);
  }
  const { v } = z.object({ v: z.number() }).catch({ v: 0 }).parse(value);
  if (v > VERSION) {
    throw new DcsError(
      "SHARD_STORE_NEWER",
      `${kv.key} is of a newer dcs (its layout is ${v}, and this dcs reads ${VERSION})`,
      { details: { key: kv.key, layout: v, known: VERSION } },
    );
  }
  const read = schema.safeParse(value);
  if (v === VERSION && read.success) return read.data;
  throw invalidStored(kv.key, read.success ? "it has no layout number" : problemsOf(read.error));
}

export function invalidStored(key: string, problem: string, cause?: unknown): DcsError {
  return new DcsError("SHARD_STORE_INVALID", `${key} cannot be used: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { key, problem },
  });
}

/** The first problems, each with its place. */
export function problemsOf(error: z.ZodError): string {
  const shown = error.issues.slice(0, 3);
  return shown.map(({ path, message }) => `${path.join(".") || "(top)"}: ${message}`).join("; ");
}

function twice(named: unknown): string {
  const names = (named as readonly { readonly name: string }[]).map(({ name }) => name);
  return names.find((name, at) => names.indexOf(name) !== at) ?? "";
}

function hasNamesOnce(named: readonly { readonly name: string }[]): boolean {
  return new Set(named.map(({ name }) => name)).size === named.length;
}
