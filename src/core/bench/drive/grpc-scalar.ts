/** A value as protobufjs takes it, or what is wanted in its place. */
export type Scalar = { readonly value: unknown } | { readonly problem: string };

const INT32 = [-(2n ** 31n), 2n ** 31n - 1n] as const;
const UINT32 = [0n, 2n ** 32n - 1n] as const;
const INT64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const UINT64 = [0n, 2n ** 64n - 1n] as const;

const WHOLE: Readonly<Record<string, readonly [bigint, bigint]>> = {
  TYPE_INT32: INT32,
  TYPE_SINT32: INT32,
  TYPE_SFIXED32: INT32,
  TYPE_UINT32: UINT32,
  TYPE_FIXED32: UINT32,
  TYPE_INT64: INT64,
  TYPE_SINT64: INT64,
  TYPE_SFIXED64: INT64,
  TYPE_UINT64: UINT64,
  TYPE_FIXED64: UINT64,
};

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Reads a value of JSON for a field of a scalar type (`TYPE_INT32`…), as ProtoJSON writes it. */
export function readScalar(value: unknown, type: string): Scalar {
  const range = WHOLE[type];
  if (range !== undefined) return wholeNumber(value, range);
  switch (type) {
    case "TYPE_BOOL":
      return typeof value === "boolean" ? { value } : { problem: "true or false is wanted" };
    case "TYPE_STRING":
      return typeof value === "string" ? { value } : { problem: "a text is wanted" };
    case "TYPE_BYTES":
      return typeof value === "string" && BASE64.test(value)
        ? { value: Buffer.from(value, "base64") }
        : { problem: "bytes are wanted, as text in base64" };
    default:
      return fraction(value);
  }
}

function wholeNumber(value: unknown, [least, most]: readonly [bigint, bigint]): Scalar {
  const problem = `a whole number from ${least} to ${most} is wanted`;
  if (typeof value === "number" && Number.isInteger(value)) {
    if (!Number.isSafeInteger(value)) {
      return { problem: "JSON does not keep a number of that size: write it as text, in quotes" };
    }
  } else if (typeof value !== "string" || !/^-?\d+$/.test(value)) return { problem };
  const whole = BigInt(value);
  if (whole < least || whole > most) return { problem };
  return { value: Number.isSafeInteger(Number(whole)) ? Number(whole) : String(whole) };
}

function fraction(value: unknown): Scalar {
  if (typeof value === "number") return { value };
  const isNamed = value === "NaN" || value === "Infinity" || value === "-Infinity";
  if (typeof value === "string" && (isNamed || /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value))) {
    return { value: Number(value) };
  }
  return { problem: "a number is wanted" };
}
