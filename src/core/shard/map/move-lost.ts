/**
 * The runner's token of a move is not the present one, or it is not known whether it is: another runner took over, the
 * runner's lease ended, or an answer of the store was lost (`cause`). Whoever gets it forgets everything that was known of
 * the move, and takes it over again or leaves it.
 */
export class MoveLost extends Error {
  override readonly name = "MoveLost";
  readonly bucket: number;

  constructor(bucket: number, why: string, cause?: unknown) {
    super(`the move of bucket ${bucket} is lost: ${why}`, cause === undefined ? undefined : { cause });
    this.bucket = bucket;
  }
}
