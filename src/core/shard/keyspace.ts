import { crc32 } from "node:zlib";

/**
 * What is spread over shards: tables that share one key, cut into a number of buckets that never changes. Kept in the store;
 * every server has a copy of what its triggers need, and a command refuses to go on where the two differ.
 */
export interface Keyspace {
  /** As a service is named. */
  readonly name: string;
  /** A power of two, 2 to 65536; fixed for life. */
  readonly buckets: number;
  readonly hash: "crc32";
  readonly tables: readonly ShardTable[];
}

export interface ShardTable {
  readonly name: string;
  /** The column that says which bucket a row is in. */
  readonly key: string;
  /** Columns of the primary key, in its order. */
  readonly primaryKey: readonly string[];
}

export const SHARD_STATES = ["active", "draining"] as const;

/** A server that holds buckets. */
export interface Shard {
  /** As a service is named. */
  readonly name: string;
  /** `mysql://user@host:port/database`; `${VAR}` in it is read from the environment of whoever connects. */
  readonly url: string;
  /** Share of the keyspace, above 0. */
  readonly weight: number;
  readonly zone: string | null;
  /** A draining one is given nothing and loses what it has. */
  readonly state: (typeof SHARD_STATES)[number];
}

/** Which shard has a bucket, and since which of its moves: the epoch only grows. */
export interface BucketOwner {
  readonly shard: string;
  readonly epoch: number;
}

/** Who has what, as one value of the store. */
export interface ShardMap {
  readonly keyspace: string;
  /** The store's revision of it: a flip compares it. 0 before it is written. */
  readonly revision: number;
  /** By bucket. */
  readonly owners: readonly BucketOwner[];
}

/**
 * The bucket of a key: `CRC32(<key as utf8mb4 text>) MOD buckets`, as MySQL, MariaDB and zlib all count it. A number is
 * taken as its decimal digits.
 */
export function bucketOf(key: string | number | bigint | Uint8Array, buckets: number): number {
  const bytes = typeof key === "object" ? key : Buffer.from(String(key), "utf8");
  return crc32(bytes) % buckets;
}
