import { randomBytes } from "node:crypto";

/** A new lease id: 63 random bits as 16 hex digits, first digit 1 to 7, so that padded and unpadded forms agree. */
export function newLeaseId(random: (size: number) => Buffer = randomBytes): string {
  const bytes = random(8);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x10;
  return bytes.toString("hex");
}
