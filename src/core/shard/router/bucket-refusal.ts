import type { MysqlResult } from "../../mysql/mysql-connection.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import { type BucketState, MOVED_ERRNO } from "../names.ts";

/** A server that does not have a bucket, or not by the map that led there. The transaction did nothing; another map may help. */
export class BucketRefusal extends Error {
  override readonly name = "BucketRefusal";
  readonly bucket: number;
  /** Of the row on the server; null where it did not say. */
  readonly epoch: number | null;
  /** The last shard that the server knew to have it; null where it does not know one. */
  readonly owner: string | null;

  constructor(message: string, bucket: number, epoch: number | null, owner: string | null) {
    super(message);
    this.bucket = bucket;
    this.epoch = epoch;
    this.owner = owner;
  }
}

/** What the triggers said by errno 31001, `DCS_MOVED bucket=7 epoch=3 owner=s2`; null for any other error. */
export function refusalOf(error: unknown, bucket: number): BucketRefusal | null {
  if (!isMysqlError(error) || error.errno !== MOVED_ERRNO) return null;
  const said = (word: string) => new RegExp(`\\b${word}=(\\S+)`).exec(error.message)?.[1];
  const epoch = said("epoch");
  return new BucketRefusal(
    error.message,
    Number(said("bucket") ?? bucket),
    epoch === undefined ? null : Number(epoch),
    said("owner") ?? null,
  );
}

/** A bucket, and the epoch by which a router came for it. */
export interface Wanted {
  readonly bucket: number;
  readonly epoch: number;
}

const OPEN: readonly BucketState[] = ["owned", "moving"];

/**
 * What the guard read (guard.sql) says: null when every bucket is open here at the very epoch by which it was routed. With
 * another epoch the bucket was away in between, and a statement that matched no row may have looked while it was.
 */
export function judgeGuard(rows: MysqlResult, wanted: readonly Wanted[]): BucketRefusal | null {
  for (const { bucket, epoch } of wanted) {
    const row = rows.find((each) => Number(each["bucket"]) === bucket);
    if (row === undefined) return new BucketRefusal(`bucket ${bucket} has no row here`, bucket, null, null);
    const here = Number(row["epoch"]);
    if (here === epoch && OPEN.some((state) => state === row["state"])) continue;
    const what = `bucket ${bucket} is ${String(row["state"])}@${here} here, and was routed by epoch ${epoch}`;
    return new BucketRefusal(what, bucket, here, row["owner"] === null ? null : String(row["owner"]));
  }
  return null;
}
