import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  status,
} from "@grpc/grpc-js";
import { load, loadFileDescriptorSetFromBuffer, type ServiceDefinition } from "@grpc/proto-loader";

const FIXTURES = fileURLToPath(new URL("../integration/fixtures/proto", import.meta.url));

/** The service of the server, and the file that says its types. */
export const SHOP_PROTO = `${FIXTURES}/shop/v1/orders.proto`;
/** Made of it by `protoc -I . --include_imports --descriptor_set_out=orders.pb shop/v1/orders.proto`. */
const SHOP_DESCRIPTORS = `${FIXTURES}/orders.pb`;
const REFLECTION_PROTO = `${FIXTURES}/grpc/reflection/v1/reflection.proto`;

export interface GrpcShopOptions {
  /** None: it has no reflection. `whole`: answers with a file and all that it imports, as grpc-go does; else each by itself. */
  readonly reflection?: { readonly version: "v1" | "v1alpha"; readonly whole: boolean };
  /** Its certificate and key, PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** How an order is answered; with its id unless given. */
  readonly place?: handleUnaryCall<Order, object>;
  /** Any unless given. */
  readonly port?: number;
}

interface Order {
  readonly order_id: string;
}

/** A gRPC server with the service shop.v1.Orders, and what it was asked. */
export class GrpcShop implements AsyncDisposable {
  readonly port: number;
  readonly calls: ServerUnaryCall<Order, object>[] = [];
  /** Addresses that calls came from. */
  readonly peers = new Set<string>();
  /** What reflection was asked, in order. */
  readonly questions: string[];
  readonly #server: Server;

  static async start({ reflection, tls, place, port: wanted = 0 }: GrpcShopOptions = {}): Promise<GrpcShop> {
    const server = new Server();
    const definitions = loadFileDescriptorSetFromBuffer(readFileSync(SHOP_DESCRIPTORS), { keepCase: true });
    const questions: string[] = [];
    let shop: GrpcShop | null = null;
    const Place: handleUnaryCall<Order, object> = (call, answer) => {
      shop?.calls.push(call);
      shop?.peers.add(call.getPeer());
      if (place !== undefined) place(call, answer);
      else answer(null, { order_id: call.request.order_id });
    };
    const unused = () => {};
    server.addService(definitions["shop.v1.Orders"] as ServiceDefinition, {
      Place,
      Follow: unused,
      Upload: unused,
    });
    if (reflection !== undefined) await addReflection(server, reflection, questions);
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { cert_chain: readFileSync(tls.cert), private_key: readFileSync(tls.key) },
          ]);
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${wanted}`, credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    shop = new GrpcShop(server, bound, questions);
    return shop;
  }

  private constructor(server: Server, port: number, questions: string[]) {
    this.#server = server;
    this.port = port;
    this.questions = questions;
  }

  /** Ends it, and every call under way. */
  stop(): void {
    this.#server.forceShutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
  }
}

interface Question {
  readonly file_by_filename?: string;
  readonly file_containing_symbol?: string;
  readonly list_services?: string;
}

async function addReflection(
  server: Server,
  { version, whole }: NonNullable<GrpcShopOptions["reflection"]>,
  questions: string[],
): Promise<void> {
  const definitions = await load(REFLECTION_PROTO, { keepCase: true });
  const published = definitions["grpc.reflection.v1.ServerReflection"] as ServiceDefinition;
  // The messages of both versions are the same.
  const definition = Object.fromEntries(
    Object.entries(published).map(([name, method]) => [
      name,
      { ...method, path: method.path.replace(".v1.", `.${version}.`) },
    ]),
  );
  const files = filesOf(readFileSync(SHOP_DESCRIPTORS));
  const descriptors = (name: string) => (whole ? [...files.values()] : [files.get(name) as Buffer]);
  const none = (what: string) => ({ error_response: { error_code: status.NOT_FOUND, error_message: what } });
  const answer = (question: Question) => {
    questions.push(Object.values(question).join(" "));
    const { file_by_filename: file, file_containing_symbol: symbol } = question;
    if (file !== undefined) {
      return files.has(file)
        ? { file_descriptor_response: { file_descriptor_proto: descriptors(file) } }
        : none(`no file ${file}`);
    }
    if (symbol === undefined) {
      const service = ["shop.v1.Orders", `grpc.reflection.${version}.ServerReflection`];
      return { list_services_response: { service: service.map((name) => ({ name })) } };
    }
    return symbol === "shop.v1.Orders"
      ? { file_descriptor_response: { file_descriptor_proto: descriptors("shop/v1/orders.proto") } }
      : none(`no symbol ${symbol}`);
  };
  server.addService(definition, {
    ServerReflectionInfo(stream: ServerDuplexStream<Question, object>) {
      stream.on("data", (question) => stream.write(answer(question)));
      stream.on("end", () => stream.end());
      stream.on("error", () => {});
    },
  });
}

/** The files of a FileDescriptorSet by name: field 1 of it, of each of which field 1 is the name. */
function filesOf(set: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; at < set.length; ) {
    const [file, next] = delimited(set, at);
    files.set(delimited(file, 0)[0].toString(), file);
    at = next;
  }
  return files;
}

/** A field with a length, whose tag is at `at`, and where the next begins. */
function delimited(bytes: Buffer, at: number): readonly [Buffer, number] {
  let length = 0;
  let from = at + 1;
  for (let shift = 0; ; shift += 7, from++) {
    const byte = bytes[from] ?? 0;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return [bytes.subarray(from + 1, from + 1 + length), from + 1 + length];
}
