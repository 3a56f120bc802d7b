import type { Client, ClientUnaryCall, Metadata, ServiceError } from "@grpc/grpc-js";
import { DcsError } from "../../errors.ts";
import { RpcFailure } from "../../store/etcd/rpc-failure.ts";
import { redact } from "../../util/redact.ts";
import type { GrpcRequestSpec } from "../bench-plan.ts";
import { type BenchTarget, sayTarget } from "../bench-target.ts";
import type { Call, Driver, DriverShare } from "./driver.ts";
import { channelReady, openChannel } from "./grpc-channels.ts";
import { type GrpcShot, grpcShot, typesOfProtoFile } from "./grpc-method.ts";
import { typesByReflection } from "./grpc-reflection.ts";
import { grpcStatusName } from "./grpc-status.ts";
import { CONNECT_TIMEOUT_MS, targetDenied, targetUnreachable } from "./target-error.ts";

type Grpc = typeof import("@grpc/grpc-js");
type GrpcTarget = Extract<BenchTarget, { readonly kind: "grpc" }>;

const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;

export interface GrpcDriverOptions {
  readonly target: GrpcTarget;
  readonly request: GrpcRequestSpec;
  readonly share: DriverShare;
}

/**
 * Unary calls of gRPC. Calls take turns over the connections; any number of them is under way on one, as HTTP/2 lets them. The
 * answer is counted, not read. No limit of time is told to the server.
 */
export class GrpcDriver implements Driver {
  readonly #clients: readonly Client[];
  readonly #shot: GrpcShot;
  readonly #metadata: Metadata;
  readonly #calls = new Set<ClientUnaryCall>();
  #turn = 0;
  #isClosed = false;

  /**
   * Learns the types, makes the message and connects. USAGE where there is no such method or message, FILE_INVALID for the .proto
   * file, BENCH_UNREACHABLE, PERMISSION_DENIED.
   */
  static async open({ target, request, share }: GrpcDriverOptions): Promise<GrpcDriver> {
    const grpc = await import("@grpc/grpc-js");
    const metadata = metadataOf(grpc, request.metadata);
    const fromFile = request.proto === null ? null : await typesOfProtoFile(request.proto);
    const { insecure, ca } = request;
    const clients = Array.from({ length: share.connections ?? 1 }, () =>
      openChannel(grpc, { ...target, insecure, ca }),
    );
    const late = new AbortController();
    // Connections that are being made do not keep a process.
    const timer = setTimeout(() => late.abort(new Error("no answer")), CONNECT_TIMEOUT_MS);
    try {
      const [first] = clients;
      if (first === undefined) throw new Error("no connection");
      const types = fromFile ?? (await typesByReflection(first, target, metadata, late.signal));
      const shot = await grpcShot(types, target, request.message);
      await Promise.all(clients.map((client) => channelReady(grpc, client, late.signal)));
      return new GrpcDriver(clients, shot, metadata);
    } catch (error) {
      for (const client of clients) client.close();
      throw late.signal.aborted
        ? targetUnreachable(sayTarget(target), `no answer within ${CONNECT_TIMEOUT_MS / 1000} s`)
        : openError(error, target);
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(clients: readonly Client[], shot: GrpcShot, metadata: Metadata) {
    this.#clients = clients;
    this.#shot = shot;
    this.#metadata = metadata;
  }

  send(call: Call): void {
    const client = this.#clients[this.#turn];
    if (client === undefined || this.#isClosed) return;
    this.#turn = (this.#turn + 1) % this.#clients.length;
    const { path, message } = this.#shot;
    call.began();
    const sent = client.makeUnaryRequest(path, asItIs, sizeOf, message, this.#metadata, (error, bytes) => {
      if (!this.#calls.delete(sent)) return;
      if (error === null) call.ok(bytes ?? 0);
      else call.failed(grpcStatusName(error.code), sayStatus(error));
    });
    this.#calls.add(sent);
    call.cancel = () => {
      if (this.#calls.delete(sent)) sent.cancel();
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const sent of this.#calls) sent.cancel();
    this.#calls.clear();
    for (const client of this.#clients) client.close();
  }
}

const asItIs = (message: Buffer): Buffer => message;
const sizeOf = (answer: Buffer): number => answer.length;

function metadataOf({ Metadata }: Grpc, pairs: GrpcRequestSpec["metadata"]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of pairs) {
    try {
      metadata.add(name, name.toLowerCase().endsWith("-bin") ? Buffer.from(value, "base64") : value);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new DcsError("USAGE", `the metadata ${JSON.stringify(name)} cannot be sent: ${why}`, {
        cause: error,
        hint: "names are of a-z 0-9 - _ . and values printable ASCII; a name that ends with -bin takes base64",
        details: { name },
      });
    }
  }
  return metadata;
}

function sayStatus({ code, details }: ServiceError): string {
  return redact(new RpcFailure("", code, details).why || grpcStatusName(code));
}

function openError(error: unknown, target: GrpcTarget): unknown {
  if (!isServiceError(error)) return error;
  const shown = sayTarget(target);
  const why = `${grpcStatusName(error.code)}: ${sayStatus(error)}`;
  if (error.code === PERMISSION_DENIED || error.code === UNAUTHENTICATED) {
    return targetDenied(shown, why, {
      cause: error,
      hint: "give what it wants as metadata, such as an authorization",
    });
  }
  return targetUnreachable(shown, why, {
    cause: error,
    hint: target.secure
      ? "check the address, that it speaks TLS there, and its certificate: --ca FILE, or --insecure"
      : "check the address, and that it speaks gRPC there without TLS (else grpcs://)",
  });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}
