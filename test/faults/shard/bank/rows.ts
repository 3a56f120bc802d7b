import type { BankTx } from "./clients.ts";

/** Rows as a teller knows them. */
export interface Account {
  readonly tenant: number;
  readonly id: number;
  readonly v: number;
  readonly slot: number;
  readonly note: string;
}

export interface Doc {
  readonly id: number;
  readonly tenant: number;
  readonly v: number;
  readonly note: string;
}

/** Of its tenant and id. */
const SET = "UPDATE accounts SET v = ?, slot = ?, note = ? WHERE tenant = ? AND id = ?";

/** Inserts or replaces, as `how` says; how many rows the server counts. */
export function insert(
  tx: BankTx,
  how: string,
  { tenant, id, v, slot, note }: Account,
  then = "",
): Promise<number> {
  return tx.run(`${how} accounts (tenant, id, v, slot, note) VALUES (?, ?, ?, ?, ?)${then}`, [
    ...[tenant, id, v, slot],
    note,
  ]);
}

/** Makes an account what it is to be. */
export function update(tx: BankTx, { tenant, id, v, slot, note }: Account): Promise<void> {
  return tx.hit(SET, [v, slot, note, tenant, id]);
}

/** Without those. */
export function take<T>(list: T[], gone: readonly T[]): void {
  for (const each of gone) {
    const at = list.indexOf(each);
    if (at >= 0) list.splice(at, 1);
  }
}
