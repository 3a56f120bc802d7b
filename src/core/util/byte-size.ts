import { DcsError } from "../errors.ts";

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  KiB: 1024,
  MB: 1000 ** 2,
  MiB: 1024 ** 2,
  GB: 1000 ** 3,
  GiB: 1024 ** 3,
  TB: 1000 ** 4,
  TiB: 1024 ** 4,
};

/** Bytes of a size as people write it: `64KiB`, `1.5MB`, `20MiB`. `what` names the flag in the error (USAGE). */
export function parseByteSize(text: string, what: string): number {
  const read = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const unit = UNITS[read?.[2] ?? ""];
  if (read !== null && unit !== undefined) return Math.round(Number(read[1]) * unit);
  throw new DcsError("USAGE", `${what}: "${text}" is not a size`, {
    hint: "write a number and a unit: 64KiB, 1.5MB, 20MiB",
    details: { flag: what, value: text, allowed: Object.keys(UNITS).join(", ") },
  });
}

/** Bytes for people: `900 B`, `64 KiB`, `1.5 GiB`. */
export function formatByteSize(bytes: number): string {
  if (bytes < 0) return `-${formatByteSize(-bytes)}`;
  for (const [unit, size] of [
    ["TiB", UNITS["TiB"] ?? 1],
    ["GiB", UNITS["GiB"] ?? 1],
    ["MiB", UNITS["MiB"] ?? 1],
    ["KiB", UNITS["KiB"] ?? 1],
  ] as const) {
    if (bytes >= size) return `${(bytes / size).toFixed(bytes >= 10 * size ? 0 : 1).replace(/\.0$/, "")} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}
