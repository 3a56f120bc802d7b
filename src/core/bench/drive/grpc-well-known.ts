/** Types of google.protobuf around one value, which JSON writes as that value. */
const WRAPPERS = /^google\.protobuf\.(?:Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:\d\d)$/i;
const DURATION = /^(-?)(\d+)(?:\.(\d{1,9}))?s$/;

/** How those are written that are texts in JSON. */
export const WELL_KNOWN_EXAMPLES: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": '"2026-01-31T12:00:00Z"',
  "google.protobuf.Duration": '"1.5s"',
};

/**
 * A value of one of the types of google.protobuf that JSON writes in a way of their own, as the object with fields that it stands
 * for: timestamps, durations, wrappers, field masks, and JSON itself (Struct, Value, ListValue). All others stay as they are.
 */
export function expandWellKnown(type: string, value: unknown): unknown {
  switch (type) {
    case "google.protobuf.Timestamp":
      return typeof value === "string" ? (timestamp(value) ?? value) : value;
    case "google.protobuf.Duration":
      return typeof value === "string" ? (duration(value) ?? value) : value;
    case "google.protobuf.FieldMask":
      return typeof value === "string" ? { paths: value.split(",").filter((path) => path !== "") } : value;
    case "google.protobuf.Struct":
      return isPlain(value) ? { fields: value } : value;
    case "google.protobuf.ListValue":
      return Array.isArray(value) ? { values: value } : value;
    case "google.protobuf.Value":
      return jsonValue(value);
    default:
      return WRAPPERS.test(type) && !isPlain(value) ? { value } : value;
  }
}

function timestamp(text: string): object | null {
  const [whole, fraction = ""] = TIMESTAMP.exec(text) ?? [];
  const ms = Date.parse(whole ?? "");
  return Number.isNaN(ms) ? null : { seconds: Math.floor(ms / 1000), nanos: nanosOf(fraction) };
}

function duration(text: string): object | null {
  const [whole, minus, seconds, fraction = ""] = DURATION.exec(text) ?? [];
  if (whole === undefined) return null;
  const sign = minus === "-" ? -1 : 1;
  return { seconds: sign * Number(seconds), nanos: sign * nanosOf(fraction) };
}

function nanosOf(fraction: string): number {
  return Number(fraction.padEnd(9, "0"));
}

function jsonValue(value: unknown): object {
  if (value === null) return { nullValue: 0 };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return { numberValue: value };
  if (typeof value === "string") return { stringValue: value };
  return Array.isArray(value) ? { listValue: value } : { structValue: value };
}

function isPlain(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
