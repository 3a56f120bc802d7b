import type { MessageTypeDefinition, PackageDefinition, ServiceDefinition } from "@grpc/proto-loader";

type ProtoLoader = typeof import("@grpc/proto-loader");

/** What of a FileDescriptorProto (google/protobuf/descriptor.proto) is looked at. */
export interface FileDescriptor {
  readonly name?: string;
  readonly package?: string;
  readonly dependency?: readonly string[];
  readonly service?: readonly {
    readonly name: string;
    readonly method?: readonly { readonly name: string; readonly input_type: string }[];
  }[];
}

/** A question to a server's reflection service; one of these. */
export interface ReflectionRequest {
  readonly file_by_filename?: string;
  readonly file_containing_symbol?: string;
  readonly list_services?: string;
}

export interface ReflectionResponse {
  readonly file_descriptor_response?: { readonly file_descriptor_proto?: readonly Buffer[] };
  readonly list_services_response?: { readonly service?: readonly { readonly name: string }[] };
  readonly error_response?: { readonly error_code?: number; readonly error_message?: string };
}

/** The names of the reflection service, the newest first. Their messages are the same. */
export const REFLECTION_SERVICES = [
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
] as const;

const field = (id: number, type: string) => ({ id, type });
const repeated = (id: number, type: string) => ({ id, type, rule: "repeated" });
const message = (fields: object) => ({ fields });

/** As protobufjs writes .proto files in JSON; fields that are not named are passed over. */
const SCHEMA = {
  nested: {
    dcs: {
      nested: {
        File: message({
          name: field(1, "string"),
          package: field(2, "string"),
          dependency: repeated(3, "string"),
          service: repeated(6, "Service"),
        }),
        Service: message({ name: field(1, "string"), method: repeated(2, "Method") }),
        Method: message({ name: field(1, "string"), input_type: field(2, "string") }),
        FileSet: message({ file: repeated(1, "bytes") }),
        Request: message({
          host: field(1, "string"),
          file_by_filename: field(3, "string"),
          file_containing_symbol: field(4, "string"),
          list_services: field(7, "string"),
        }),
        Response: message({
          file_descriptor_response: field(4, "Files"),
          list_services_response: field(6, "Services"),
          error_response: field(7, "ReflectionError"),
        }),
        Files: message({ file_descriptor_proto: repeated(1, "bytes") }),
        Services: message({ service: repeated(1, "ServiceName") }),
        ServiceName: message({ name: field(1, "string") }),
        ReflectionError: message({ error_code: field(1, "int32"), error_message: field(2, "string") }),
      },
    },
  },
};

/** Reads and writes what reflection says, and as much of descriptors as is needed. */
export class DescriptorCodec {
  readonly #messages: PackageDefinition;

  constructor({ fromJSON }: Pick<ProtoLoader, "fromJSON">) {
    // Its type wants of every object what any kind of object has.
    const schema = SCHEMA as unknown as Parameters<ProtoLoader["fromJSON"]>[0];
    this.#messages = fromJSON(schema, { keepCase: true });
  }

  readonly encodeRequest = (request: ReflectionRequest): Buffer => this.#of("Request").serialize(request);

  readonly decodeResponse = (bytes: Buffer): ReflectionResponse => this.#of("Response").deserialize(bytes);

  file(bytes: Buffer): FileDescriptor {
    return this.#of("File").deserialize(bytes);
  }

  /** A FileDescriptorSet. */
  fileSet(files: readonly Buffer[]): Buffer {
    return Buffer.from(this.#of("FileSet").serialize({ file: files }));
  }

  /** Full names of the request messages of a service's methods. */
  requestTypes(service: ServiceDefinition, serviceName: string): ReadonlyMap<string, string> {
    const [method] = Object.values(service);
    const files = (method?.requestType.fileDescriptorProtos ?? []).map((bytes) => this.file(bytes));
    const types = files.flatMap((file) =>
      (file.service ?? [])
        .filter(({ name }) => [file.package ?? "", name].join(".").replace(/^\./, "") === serviceName)
        .flatMap(({ method: methods = [] }) => methods),
    );
    return new Map(types.map(({ name, input_type }) => [name, input_type.replace(/^\./, "")]));
  }

  #of(name: string): MessageTypeDefinition<object, object> {
    return this.#messages[`dcs.${name}`] as MessageTypeDefinition<object, object>;
  }
}
