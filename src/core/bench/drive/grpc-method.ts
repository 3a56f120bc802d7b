import { dirname, resolve } from "node:path";
import type { ServiceDefinition } from "@grpc/proto-loader";
import { DcsError } from "../../errors.ts";
import { DescriptorCodec } from "./grpc-descriptors.ts";
import { grpcMessage } from "./grpc-message.ts";
import type { GrpcTypes } from "./grpc-type-index.ts";

/** `package.Service` and a method of it. */
export interface GrpcMethodName {
  readonly service: string;
  readonly method: string;
}

/** A call that can be sent: its path, and its message as bytes. */
export interface GrpcShot {
  readonly path: string;
  readonly message: Buffer;
}

/** Reads a .proto file and what it imports, which is looked for beside it and above. FILE_INVALID. */
export async function typesOfProtoFile(file: string): Promise<GrpcTypes> {
  const { load } = await import("@grpc/proto-loader");
  const path = resolve(file);
  try {
    const definitions = await load(path, { keepCase: true, includeDirs: [...above(path)] });
    return { definitions, mapsAre: "objects" };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DcsError("FILE_INVALID", `--proto ${file}: ${why}`, {
      cause: error,
      details: { flag: "--proto", path },
      hint: "give a .proto file; what it imports is looked for in its directory and those above",
    });
  }
}

/** The directories of a path, the nearest first: imports begin at the one that protoc would be given. */
function* above(path: string): Iterable<string> {
  for (let at = dirname(path); ; at = dirname(at)) {
    yield at;
    if (at === dirname(at)) return;
  }
}

/** The call of a method with a message in JSON. USAGE where there is no such method, it streams, or the message is not its own. */
export async function grpcShot(types: GrpcTypes, name: GrpcMethodName, json: string): Promise<GrpcShot> {
  const service = serviceOf(types, name);
  const method = Object.hasOwn(service, name.method) ? service[name.method] : undefined;
  if (method === undefined) {
    const there = Object.entries(service).map(([each, { requestStream, responseStream }]) =>
      requestStream || responseStream ? `${each} (streams)` : each,
    );
    throw refusal(name, `${name.service} has no method ${name.method}`, `there is ${there.join(", ")}`);
  }
  if (method.requestStream || method.responseStream) {
    throw refusal(
      name,
      `${name.method} is a method with a stream, and dcs bench sends calls with one message and one answer`,
      "choose a method without `stream` in its .proto file",
    );
  }
  const codec = new DescriptorCodec(await import("@grpc/proto-loader"));
  const type = codec.requestTypes(service, name.service).get(name.method);
  if (type === undefined) throw new DcsError("UNEXPECTED", `the message of ${name.method} has no name`);
  const message = grpcMessage(json, type, types);
  return { path: method.path, message: Buffer.from(method.requestSerialize(message)) };
}

function serviceOf({ definitions }: GrpcTypes, name: GrpcMethodName): ServiceDefinition {
  const services = Object.entries(definitions).filter(([, each]) => typeof each["format"] !== "string");
  const found = services.find(([each]) => each === name.service);
  if (found !== undefined) return found[1] as ServiceDefinition;
  throw noService(
    name,
    services.map(([each]) => each),
  );
}

/** USAGE: there is no such service, but these. */
export function noService(name: GrpcMethodName, there: readonly string[]): DcsError {
  const hint = there.length === 0 ? "there is none at all" : `there is ${there.join(", ")}`;
  return refusal(name, `there is no service ${name.service}`, hint);
}

function refusal({ service, method }: GrpcMethodName, why: string, hint: string): DcsError {
  return new DcsError("USAGE", `TARGET: ${service}/${method}: ${why}`, {
    hint,
    details: { argument: "TARGET", service, method },
  });
}
