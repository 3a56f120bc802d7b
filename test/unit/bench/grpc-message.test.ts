import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { load, loadFileDescriptorSetFromBuffer, type MessageTypeDefinition } from "@grpc/proto-loader";
import { beforeAll, describe, expect, it } from "vitest";
import { grpcMessage } from "../../../src/core/bench/drive/grpc-message.ts";
import { grpcShot, typesOfProtoFile } from "../../../src/core/bench/drive/grpc-method.ts";
import type { GrpcTypes } from "../../../src/core/bench/drive/grpc-type-index.ts";
import { DcsError } from "../../../src/core/errors.ts";

const FILE = resolve(import.meta.dirname, "../../integration/fixtures/proto/shop/v1/orders.proto");
const PLACE = { service: "shop.v1.Orders", method: "Place" };

/** The same types as a server tells them by reflection: what protoc makes of the file, with all that it imports. */
async function asReflected(): Promise<GrpcTypes> {
  const set = readFileSync(resolve(FILE, "../../../orders.pb"));
  return { definitions: loadFileDescriptorSetFromBuffer(set, { keepCase: true }), mapsAre: "entries" };
}

describe.each(["a .proto file", "reflection"])("a message with types from %s", (source) => {
  let types: GrpcTypes;

  beforeAll(async () => {
    types = source === "reflection" ? await asReflected() : await typesOfProtoFile(FILE);
  });

  /** What a server that knows the types reads of it. */
  async function read(message: unknown): Promise<unknown> {
    const { message: bytes } = await grpcShot(types, PLACE, JSON.stringify(message));
    const server = await load(FILE, {
      keepCase: true,
      longs: String,
      enums: String,
      bytes: String,
      includeDirs: [resolve(FILE, "../../..")],
    });
    const order = server["shop.v1.Order"] as MessageTypeDefinition<object, object>;
    return JSON.parse(JSON.stringify(order.deserialize(bytes)));
  }

  function refusal(message: unknown, type = "shop.v1.Order"): string {
    try {
      grpcMessage(typeof message === "string" ? message : JSON.stringify(message), type, types);
    } catch (error) {
      if (error instanceof DcsError && error.code === "USAGE") return error.message;
      throw error;
    }
    throw new Error("not refused");
  }

  it("has every kind of field", async () => {
    const line = { sku: "a", how_many: 2, price: { currency_code: "EUR", units: "9007199254740993" } };
    const order = {
      order_id: "o-1",
      lines: [line, { sku: "b" }],
      by_name: { first: line },
      notes: { "-5": "minus five", "7": "seven" },
      kind: "FAST",
      colors: ["RED", "COLOR_UNSPECIFIED"],
      cash: { units: "3" },
      gift: true,
      blob: Buffer.from([0, 255, 7]).toString("base64"),
      weight: 1.25,
      big: "18446744073709551615",
      line: { x: 3 },
      related: [{ order_id: "o-0", line: { y: 1 }, lines: [{ sku: "c" }] }],
      delta: -2,
    };
    expect(await read(order)).toEqual(order);
  });

  it("may have the names of JSON, numbers of enums, and numbers as text", async () => {
    expect(
      await read({
        orderId: "o",
        byName: { a: { howMany: "4" } },
        kind: 1,
        weight: "Infinity",
        big: 5,
        card: null,
      }),
    ).toEqual({ order_id: "o", by_name: { a: { how_many: 4 } }, kind: "FAST", weight: null, big: "5" });
  });

  it("has the types of google.protobuf as JSON writes them", async () => {
    const written = {
      placed_at: "2026-01-31T12:00:00.25Z",
      patience: "-1.5s",
      remark: "quick",
      mask: "a,b.c",
      more: { a: [1, "x", null, { b: true }] },
    };
    const list = [{ numberValue: 1 }, { stringValue: "x" }, { nullValue: "NULL_VALUE" }];
    expect(await read(written)).toEqual({
      placed_at: { seconds: "1769860800", nanos: 250_000_000 },
      patience: { seconds: "-1", nanos: -500_000_000 },
      remark: { value: "quick" },
      mask: { paths: ["a", "b.c"] },
      more: {
        fields: {
          a: { listValue: { values: [...list, { structValue: { fields: { b: { boolValue: true } } } }] } },
        },
      },
    });
    expect(await read({ placed_at: { seconds: 5 }, remark: { value: "x" } })).toEqual({
      placed_at: { seconds: "5" },
      remark: { value: "x" },
    });
  });

  it.each<[unknown, string]>([
    ["{", "it is no JSON"],
    ["[]", "the message is [], and shop.v1.Order is written as an object"],
    [{ order: 1 }, 'shop.v1.Order has no field "order"; there is order_id, lines, by_name'],
    [{ toString: 1 }, 'has no field "toString"'],
    [
      { lines: [{ sku: "a" }, { skuu: 1 }] },
      'in lines[1]: shop.v1.Order.Line has no field "skuu"; there is sku, how_many, price',
    ],
    [{ by_name: { a: { price: { unit: 1 } } } }, 'in by_name.a.price: shop.v1.Money has no field "unit"'],
    [{ lines: {} }, "lines is {}, and a list is wanted"],
    [{ by_name: [] }, "by_name is [], and an object of names and values is wanted"],
    [{ order_id: 5 }, "order_id is 5, and a text is wanted"],
    [{ gift: "yes" }, 'gift is "yes", and true or false is wanted'],
    [
      { lines: [{ how_many: -1 }] },
      "lines[0].how_many is -1, and a whole number from 0 to 4294967295 is wanted",
    ],
    [{ lines: [{ how_many: 1.5 }] }, "a whole number"],
    [{ big: 2 ** 60 }, "write it as text"],
    [{ big: "18446744073709551616" }, "a whole number"],
    [{ notes: { x: "y" } }, 'notes.x is "x", and a whole number'],
    [{ blob: "ä" }, "bytes are wanted"],
    [{ weight: "much" }, "a number is wanted"],
    [{ kind: "SLOW" }, 'kind is "SLOW", and there is NORMAL, FAST'],
    [{ colors: ["BLUE"] }, 'colors[0] is "BLUE", and there is COLOR_UNSPECIFIED, RED'],
    [
      { placed_at: "tomorrow" },
      'placed_at is "tomorrow", and google.protobuf.Timestamp is written as "2026-01-31T12:00:00Z"',
    ],
  ])("is not %j", (message, why) => {
    expect(refusal(message)).toContain(why);
  });

  it("is empty unless given", async () => {
    expect((await grpcShot(types, PLACE, " ")).message).toHaveLength(0);
    expect((await grpcShot(types, PLACE, "{}")).path).toBe("/shop.v1.Orders/Place");
  });

  it("is that of a method that is there and takes one message", async () => {
    const shot = (name: Partial<typeof PLACE>) => grpcShot(types, { ...PLACE, ...name }, "{}");
    await expect(shot({ method: "place" })).rejects.toMatchObject({
      code: "USAGE",
      message: "TARGET: shop.v1.Orders/place: shop.v1.Orders has no method place",
      hint: "there is Place, Follow (streams), Upload (streams)",
    });
    await expect(shot({ method: "toString" })).rejects.toMatchObject({ code: "USAGE" });
    for (const method of ["Follow", "Upload"]) {
      await expect(shot({ method })).rejects.toThrow("a method with a stream");
    }
    await expect(shot({ service: "shop.v1.Order" })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("there is no service shop.v1.Order"),
      hint: "there is shop.v1.Orders",
    });
  });
});

describe("a .proto file", () => {
  it("must be there and be one", async () => {
    await expect(typesOfProtoFile("/nowhere/x.proto")).rejects.toMatchObject({
      code: "FILE_INVALID",
      message: expect.stringContaining("--proto /nowhere/x.proto: ENOENT"),
    });
    await expect(typesOfProtoFile(import.meta.filename)).rejects.toMatchObject({ code: "FILE_INVALID" });
  });
});
