import { DcsError } from "../errors.ts";
import type { LeaseId } from "../store/store.ts";

/** A lease id as a user types it, in the form the store uses. USAGE when it is not hex. */
export function parseLeaseId(text: string): LeaseId {
  if (/^[0-9a-f]{1,16}$/i.test(text)) return text.toLowerCase();
  throw new DcsError("USAGE", `${JSON.stringify(text)} is not a lease id: ids are up to 16 hex digits`, {
    hint: "run `dcs lease ls` to see the ids",
    details: { argument: "ID", value: text },
  });
}

/** LEASE_NOT_FOUND for an id a user gave. */
export function leaseNotFound(id: LeaseId): DcsError {
  return new DcsError(
    "LEASE_NOT_FOUND",
    `lease ${id} does not exist: it ran out, was revoked, or never was`,
    {
      details: { lease: id },
    },
  );
}
