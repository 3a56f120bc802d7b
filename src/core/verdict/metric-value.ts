import { decimal } from "./decimal.ts";
import type { MetricKind } from "./metric.ts";

/** Why a value cannot be read, and what to write instead. */
export interface ValueFault {
  readonly fault: string;
  readonly allowed: string;
  readonly hint: string;
}

/** How each kind is written. */
export const VALUE_FORMS: Readonly<Record<MetricKind, string>> = {
  latency: "a number with us, ms, s or m",
  share: "0% to 100%, or 0 to 1",
  rate: "a number per second: 1000, 1000/s or 1k",
  count: "a whole number",
  ratio: "a number",
};

const NUMBER = /^(\d+(?:\.\d+)?)\s*(.*)$/s;
/** Powers of ten, so that what is written is what is compared: 0.7 / 100 is not 0.007. */
const LATENCY_POWER: Readonly<Record<string, number>> = { us: -3, µs: -3, μs: -3, ms: 0, s: 3, m: 3 };
const RATE_POWER: Readonly<Record<string, number>> = { "": 0, "/s": 0, k: 3, "k/s": 3 };
const SECONDS_IN_MINUTE = 60;

/** The number that a value of this kind stands for, in the kind's unit; or what is wrong with it. */
export function readMetricValue(kind: MetricKind, text: string): number | ValueFault {
  const allowed = VALUE_FORMS[kind];
  const [, digits, unit = ""] = NUMBER.exec(text) ?? [];
  if (digits === undefined) return { fault: `"${text}" is not a number`, allowed, hint: EXAMPLE[kind] };
  const value = READERS[kind](digits, unit.trim());
  if (typeof value === "string") return { fault: value, allowed, hint: hintFor(kind, digits) };
  if (!Number.isFinite(value)) return { fault: `"${text}" is too large`, allowed, hint: EXAMPLE[kind] };
  return value;
}

/** The value as text that {@link readMetricValue} reads back to the same number. Finite, and not negative. */
export function writeMetricValue(kind: MetricKind, value: number): string {
  switch (kind) {
    case "latency":
      return `${decimal(value)}ms`;
    case "share":
      return `${decimal(value, 2)}%`;
    case "rate":
      return `${decimal(value)}/s`;
    case "count":
    case "ratio":
      return decimal(value);
  }
}

const EXAMPLE: Readonly<Record<MetricKind, string>> = {
  latency: "write 200ms",
  share: "write 0.5% or 0.005",
  rate: "write 1000/s",
  count: "write 0, or another whole number",
  ratio: "write 1.2",
};

type Reader = (digits: string, unit: string) => number | string;

const READERS: Readonly<Record<MetricKind, Reader>> = {
  latency(digits, unit) {
    if (unit === "") return `${digits} has no unit`;
    const power = own(LATENCY_POWER, unit);
    if (power === undefined) return `"${unit}" is no unit of a latency`;
    return times(digits, power) * (unit === "m" ? SECONDS_IN_MINUTE : 1);
  },
  share(digits, unit) {
    if (unit !== "" && unit !== "%") return `"${unit}" is no unit of a share`;
    const value = times(digits, unit === "%" ? -2 : 0);
    return value <= 1 ? value : `${digits}${unit} is more than all`;
  },
  rate(digits, unit) {
    const power = own(RATE_POWER, unit.replace(/\s+/g, ""));
    return power === undefined ? `"${unit}" is no unit of a rate` : times(digits, power);
  },
  count(digits, unit) {
    if (unit !== "") return `"${unit}": a count has no unit`;
    const value = Number(digits);
    return Number.isSafeInteger(value) ? value : `${digits} is not a whole number that can be counted to`;
  },
  ratio: (digits, unit) => (unit === "" ? Number(digits) : `"${unit}": a ratio has no unit`),
};

function hintFor(kind: MetricKind, digits: string): string {
  if (kind === "latency") return `write ${digits}ms`;
  if (kind === "share" && Number(digits) <= 100) return `write ${digits}% or ${decimal(times(digits, -2))}`;
  return EXAMPLE[kind];
}

function times(digits: string, power: number): number {
  return Number(`${digits}e${power}`);
}

function own(table: Readonly<Record<string, number>>, key: string): number | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
