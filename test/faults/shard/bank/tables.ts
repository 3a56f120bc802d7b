import { createHash } from "node:crypto";

/**
 * accounts: a unique value beside a primary key of two columns. docs: a primary key without the shard key, so that a row can go from one
 * tenant to another. totals: rows that everybody changes. ledger: rows that are only added.
 */
export const BANK_DDL = `
  CREATE TABLE accounts (tenant INT NOT NULL, id BIGINT NOT NULL, v BIGINT NOT NULL, slot BIGINT NOT NULL,
    note VARCHAR(100) CHARACTER SET utf8mb4 NOT NULL, PRIMARY KEY (tenant, id), UNIQUE KEY one_slot (tenant, slot)) ENGINE = InnoDB;
  CREATE TABLE docs (id BIGINT NOT NULL PRIMARY KEY, tenant INT NOT NULL, v BIGINT NOT NULL,
    note VARCHAR(100) CHARACTER SET utf8mb4 NOT NULL) ENGINE = InnoDB;
  CREATE TABLE totals (tenant INT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, cents BIGINT NOT NULL) ENGINE = InnoDB;
  CREATE TABLE ledger (tenant INT NOT NULL, op BIGINT NOT NULL, cents BIGINT NOT NULL, PRIMARY KEY (tenant, op)) ENGINE = InnoDB;`;

/** By table: the columns that name a row, and the others. */
export const BANK_TABLES = {
  accounts: { key: ["tenant", "id"], rest: ["v", "slot", "note"] },
  docs: { key: ["id"], rest: ["tenant", "v", "note"] },
  ledger: { key: ["tenant", "op"], rest: ["cents"] },
} as const;
export type BankTable = keyof typeof BANK_TABLES;

export function rowKey(table: BankTable, ...key: readonly number[]): string {
  return [table, ...key].join("|");
}

export function rowText(...rest: readonly (string | number)[]): string {
  return rest.join("|");
}

/** 64 bits of a row, as BANK_DIGEST has the server count them. */
export function rowDigest(key: string, text: string): bigint {
  return BigInt(`0x${createHash("md5").update(`${key}|${text}`).digest("hex").slice(0, 16)}`);
}

/** Number and digest of all rows of a table on one server. */
export function digestSql(table: BankTable): string {
  const { key, rest } = BANK_TABLES[table];
  const text = `CONCAT_WS('|', '${table}', ${[...key, ...rest].join(", ")})`;
  return `SELECT COUNT(*) AS n, CAST(BIT_XOR(CAST(CONV(LEFT(MD5(${text}), 16), 16, 10) AS UNSIGNED)) AS CHAR) AS digest FROM ${table}`;
}
