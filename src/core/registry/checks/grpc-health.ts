/**
 * The two messages of grpc.health.v1.Health/Check, by hand: one string field out, one enum field back. Source:
 * github.com/grpc/grpc-proto, grpc/health/v1/health.proto; wire format: protobuf.dev/programming-guides/encoding.
 */
export const HEALTH_CHECK_METHOD = "/grpc.health.v1.Health/Check";

/** `HealthCheckResponse.ServingStatus`, by number. */
const STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

const STRING_FIELD_1 = 0x0a;
const VARINT_FIELD_1 = 0x08;

/** `HealthCheckRequest { string service = 1; }`; the empty name asks for the server as a whole. */
export function encodeHealthRequest(service: string): Buffer {
  if (service === "") return Buffer.alloc(0);
  const name = Buffer.from(service, "utf8");
  return Buffer.concat([Buffer.from([STRING_FIELD_1, ...varint(name.length)]), name]);
}

/** The name of the status in `HealthCheckResponse { ServingStatus status = 1; }`. Throws on what is no such message. */
export function decodeHealthResponse(message: Uint8Array): string {
  let status = 0;
  let at = 0;
  while (at < message.length) {
    const [tag, afterTag] = readVarint(message, at);
    const type = tag & 7;
    if (tag === VARINT_FIELD_1) [status, at] = readVarint(message, afterTag);
    // Fields of a later version are passed over.
    else if (type === 0) at = readVarint(message, afterTag)[1];
    else if (type === 1) at = afterTag + 8;
    else if (type === 5) at = afterTag + 4;
    else if (type === 2) {
      const [length, start] = readVarint(message, afterTag);
      at = start + length;
    } else throw new Error("not a health check response");
  }
  if (at !== message.length) throw new Error("not a health check response");
  return STATUSES[status] ?? `status ${status}`;
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

function readVarint(message: Uint8Array, from: number): [value: number, next: number] {
  let value = 0;
  for (let index = 0; index < 10; index += 1) {
    const byte = message[from + index];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return [value, from + index + 1];
  }
  throw new Error("not a health check response");
}
