import type { Client, ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { DcsError } from "../../errors.ts";
import {
  DescriptorCodec,
  REFLECTION_SERVICES,
  type ReflectionRequest,
  type ReflectionResponse,
} from "./grpc-descriptors.ts";
import { type GrpcMethodName, noService } from "./grpc-method.ts";
import type { GrpcTypes } from "./grpc-type-index.ts";

const UNIMPLEMENTED = 12;
const NOT_FOUND = 5;

/**
 * Asks a server for the types of one of its services (gRPC Server Reflection Protocol, v1 and v1alpha). USAGE where it has no
 * reflection or no such service; else rejects with the error of grpc-js. Ends when the signal aborts.
 */
export async function typesByReflection(
  client: Client,
  name: GrpcMethodName,
  metadata: Metadata,
  signal: AbortSignal,
): Promise<GrpcTypes> {
  const loader = await import("@grpc/proto-loader");
  const codec = new DescriptorCodec(loader);
  for (const service of REFLECTION_SERVICES) {
    const asking = new Asking(client, service, codec, metadata, signal);
    try {
      const files = await filesOf(asking, codec, name);
      const definitions = loader.loadFileDescriptorSetFromBuffer(codec.fileSet(files), { keepCase: true });
      return { definitions, mapsAre: "entries" };
    } catch (error) {
      if (codeOf(error) !== UNIMPLEMENTED) throw error;
    } finally {
      asking.end();
    }
  }
  throw new DcsError(
    "USAGE",
    "TARGET: the server does not say which types its methods have (gRPC reflection)",
    {
      hint: "give the file that says it: --proto FILE.proto; or turn on reflection in the server",
      details: { argument: "TARGET", flag: "--proto" },
    },
  );
}

/** The descriptors of the file with the service and of all that it imports. Servers may send them at once, or one by one. */
async function filesOf(
  asking: Asking,
  codec: DescriptorCodec,
  name: GrpcMethodName,
): Promise<readonly Buffer[]> {
  const files = new Map<string, Buffer>();
  const wanted: string[] = [];
  const take = (answer: ReflectionResponse) => {
    for (const bytes of answer.file_descriptor_response?.file_descriptor_proto ?? []) {
      const file = codec.file(bytes);
      files.set(file.name ?? "", bytes);
      wanted.push(...(file.dependency ?? []));
    }
  };
  const found = await asking.ask({ file_containing_symbol: name.service });
  if (found.error_response !== undefined) {
    if (found.error_response.error_code !== NOT_FOUND) throw saidNo(found.error_response);
    throw noService(name, await servicesOf(asking));
  }
  take(found);
  const missing = new Set<string>();
  for (let file = wanted.pop(); file !== undefined; file = wanted.pop()) {
    if (files.has(file) || missing.has(file)) continue;
    const answer = await asking.ask({ file_by_filename: file });
    // Some servers do not have files that only say options; if types are missing, that shows.
    if (answer.error_response !== undefined) missing.add(file);
    take(answer);
    if (!files.has(file)) missing.add(file);
  }
  return [...files.values()];
}

async function servicesOf(asking: Asking): Promise<readonly string[]> {
  const { list_services_response } = await asking.ask({ list_services: "*" });
  const names = (list_services_response?.service ?? []).map(({ name }) => name);
  return names.filter((name) => !name.startsWith("grpc.reflection."));
}

function saidNo({ error_code = 0, error_message = "" }: NonNullable<ReflectionResponse["error_response"]>) {
  return Object.assign(new Error(error_message), { code: error_code, details: error_message });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : null;
}

/** One stream of questions, each asked when the one before is answered. */
class Asking {
  readonly #stream: ClientDuplexStream<ReflectionRequest, ReflectionResponse>;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#stream.cancel();
  #answered = Promise.withResolvers<ReflectionResponse>();

  constructor(
    client: Client,
    service: string,
    codec: DescriptorCodec,
    metadata: Metadata,
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    const path = `/${service}/ServerReflectionInfo`;
    this.#stream = client.makeBidiStreamRequest(path, codec.encodeRequest, codec.decodeResponse, metadata);
    this.#stream.on("data", (answer: ReflectionResponse) => this.#answered.resolve(answer));
    this.#stream.on("error", (error) => this.#answered.reject(error));
    this.#stream.on("end", () => this.#answered.reject(new Error("the server ended the reflection")));
    this.#answered.promise.catch(() => {});
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  async ask(request: ReflectionRequest): Promise<ReflectionResponse> {
    this.#stream.write(request);
    const answer = await this.#answered.promise;
    this.#answered = Promise.withResolvers();
    this.#answered.promise.catch(() => {});
    return answer;
  }

  end(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#stream.end();
    this.#stream.cancel();
  }
}
