import { readFileSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BenchPlan, GrpcRequestSpec } from "../../../src/core/bench/bench-plan.ts";
import { benchPlan, drive, openPlan, refusalOf, saidAroundClose } from "../../support/bench-drive.ts";
import { endsByItself } from "../../support/bench-process.ts";
import { Certificates } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import { GrpcShop, SHOP_PROTO } from "../../support/grpc-shop.ts";
import { until } from "../../support/until.ts";

const CALL = "shop.v1.Orders/Place";
const ORDER = { order_id: "o-1", lines: [{ sku: "a", how_many: 2 }], by_name: { x: { sku: "b" } } };

function grpcPlan(
  target: string,
  grpc: Partial<GrpcRequestSpec> = {},
  more: Partial<BenchPlan> = {},
): BenchPlan {
  const spec = {
    proto: null,
    message: JSON.stringify(ORDER),
    metadata: [],
    insecure: false,
    ca: null,
    ...grpc,
  };
  return benchPlan(target, { grpc: spec, ...more });
}

describe("gRPC, driven", () => {
  it.each([
    ["a .proto file", undefined, { proto: SHOP_PROTO }],
    ["reflection v1, all files at once", { version: "v1", whole: true }, {}],
    ["reflection v1, file by file", { version: "v1", whole: false }, {}],
    ["reflection v1alpha", { version: "v1alpha", whole: false }, {}],
  ] as const)(
    "sends each request once over its own connections, with types from %s",
    async (_, reflection, grpc) => {
      await using shop = await GrpcShop.start(reflection === undefined ? {} : { reflection });
      const metadata = [
        ["authorization", "Bearer t"],
        ["trace-bin", Buffer.from([1, 2]).toString("base64")],
      ] as const;
      const driver = await openPlan(grpcPlan(`grpc://127.0.0.1:${shop.port}/${CALL}`, { ...grpc, metadata }));
      try {
        const { counts, bytes, errors } = await drive(driver, { requests: 200 });
        expect([counts, errors]).toEqual([
          { sent: 200, ok: 200, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 },
          {},
        ]);
        expect(shop.calls).toHaveLength(200);
        expect(shop.peers.size).toBe(4);
        // A text of 3 bytes with its tag and length.
        expect(bytes).toBe(200 * 5);
        const [call] = shop.calls;
        expect(call?.request).toMatchObject({ order_id: "o-1", lines: [{ sku: "a", how_many: 2 }] });
        expect(JSON.stringify(call?.request)).toContain('"sku":"b"');
        expect(call?.metadata.get("authorization")).toEqual(["Bearer t"]);
        expect(call?.metadata.get("trace-bin")).toEqual([Buffer.from([1, 2])]);
      } finally {
        await driver.close();
      }
      // Each file is asked for once.
      expect(new Set(shop.questions).size).toBe(shop.questions.length);
    },
  );

  it("uses one connection where no number is given", async () => {
    await using shop = await GrpcShop.start();
    const plan = grpcPlan(
      `grpc://127.0.0.1:${shop.port}/${CALL}`,
      { proto: SHOP_PROTO },
      { connections: null },
    );
    const driver = await openPlan(plan);
    await drive(driver, { requests: 100, lanes: 20 });
    await driver.close();
    expect([shop.calls.length, shop.peers.size]).toEqual([100, 1]);
  });

  it("tells failures apart by their status, and does not hide what it said", async () => {
    const codes = [status.RESOURCE_EXHAUSTED, status.INTERNAL, null];
    let calls = 0;
    await using shop = await GrpcShop.start({
      place(_, answer) {
        const code = codes[calls++ % codes.length];
        if (code === null || code === undefined) answer(null, {});
        else answer({ code, details: "no room for redis://u:secret@h" });
      },
    });
    const driver = await openPlan(grpcPlan(`grpc://127.0.0.1:${shop.port}/${CALL}`, { proto: SHOP_PROTO }));
    const { counts, errors, examples } = await drive(driver, { requests: 90 });
    await driver.close();
    expect(counts).toMatchObject({ sent: 90, ok: 30, errors: 60 });
    expect(errors).toEqual({ RESOURCE_EXHAUSTED: 30, INTERNAL: 30 });
    expect(examples["INTERNAL"]).toBe("no room for redis://u:***@h");
  });

  it("ends calls that run out of time, and says nothing more of them", async () => {
    let calls = 0;
    let cancelled = 0;
    await using shop = await GrpcShop.start({
      place(call, answer) {
        if (++calls % 10 !== 0) answer(null, {});
        // It is said of those that were answered, too.
        else call.on("cancelled", () => cancelled++);
      },
    });
    const driver = await openPlan(grpcPlan(`grpc://127.0.0.1:${shop.port}/${CALL}`, { proto: SHOP_PROTO }));
    const { counts } = await drive(driver, { requests: 100, timeoutMs: 100 });
    expect(counts).toMatchObject({ sent: 100, ok: 90, timeouts: 10, errors: 0 });
    await until(() => cancelled === 10);
    await driver.close();
  });

  it("goes on with failures when the server is gone, and with answers when it is back", async () => {
    const shop = await GrpcShop.start();
    const driver = await openPlan(grpcPlan(`grpc://127.0.0.1:${shop.port}/${CALL}`, { proto: SHOP_PROTO }));
    let again: GrpcShop | null = null;
    const { counts, errors } = await drive(driver, {
      async during() {
        await until(() => shop.calls.length >= 50);
        shop.stop();
        await new Promise((resolve) => setTimeout(resolve, 200));
        const back = await GrpcShop.start({ port: shop.port });
        again = back;
        await until(() => back.peers.size === 4);
      },
    });
    await driver.close();
    (again as GrpcShop | null)?.stop();
    expect(counts.ok).toBeGreaterThanOrEqual(50);
    // A server that is shut down by force resets what is under way.
    expect(Object.keys(errors).filter((kind) => kind !== "CANCELLED")).toEqual(["UNAVAILABLE"]);
    expect(counts.ok + counts.errors + counts.unfinished).toBe(counts.sent);
  });

  it("says nothing more of a call once it is closed, and ends it", async () => {
    let cancelled = 0;
    await using shop = await GrpcShop.start({ place: (call) => call.on("cancelled", () => cancelled++) });
    const driver = await openPlan(grpcPlan(`grpc://127.0.0.1:${shop.port}/${CALL}`, { proto: SHOP_PROTO }));
    expect(await saidAroundClose(driver)).toEqual(["began"]);
    await until(() => cancelled === shop.calls.length);
  });

  it.each([
    ["answers", false],
    ["never answers", true],
  ])("leaves nothing behind at a server that %s", async (_, silent) => {
    let calls = 0;
    await using shop = await GrpcShop.start({
      place(_call, answer) {
        // The first hundred show that it works.
        if (++calls <= 100 || !silent) answer(null, {});
      },
    });
    const plan = grpcPlan(`grpc://127.0.0.1:${shop.port}/${CALL}`, { proto: SHOP_PROTO });
    expect(await endsByItself(plan, () => until(() => calls >= 104))).toBeLessThan(2000);
  });

  describe("over TLS", () => {
    let certificates: Certificates;
    let shop: GrpcShop;

    beforeAll(async () => {
      certificates = new Certificates();
      certificates.certificate("server", "IP:127.0.0.1", 1);
      const tls = { cert: certificates.path("server.pem"), key: certificates.path("server.key") };
      shop = await GrpcShop.start({ tls, reflection: { version: "v1", whole: true } });
    });

    afterAll(() => {
      shop?.stop();
      certificates?.[Symbol.dispose]();
    });

    it("checks the certificate", async () => {
      const target = `grpcs://127.0.0.1:${shop.port}/${CALL}`;
      const ca = readFileSync(certificates.path("ca.pem"), "utf8");
      for (const grpc of [{ ca }, { insecure: true }]) {
        const driver = await openPlan(grpcPlan(target, grpc));
        const { counts } = await drive(driver, { requests: 20 });
        await driver.close();
        expect(counts.ok).toBe(20);
      }
      await expect(openPlan(grpcPlan(target))).rejects.toMatchObject({
        code: "BENCH_UNREACHABLE",
        hint: expect.stringContaining("--ca"),
      });
    });

    it("checks the name in it", async () => {
      const ca = readFileSync(certificates.path("ca.pem"), "utf8");
      await expect(
        openPlan(grpcPlan(`grpcs://localhost:${shop.port}/${CALL}`, { ca })),
      ).rejects.toMatchObject({
        code: "BENCH_UNREACHABLE",
        message: expect.stringMatching(/altnames|localhost/),
      });
    });
  });

  it("says at once why it cannot begin", async () => {
    await using shop = await GrpcShop.start({ reflection: { version: "v1", whole: false } });
    await using mute = await GrpcShop.start();
    const at = (port: number, call = CALL) => `grpc://127.0.0.1:${port}/${call}`;
    expect(await refusalOf(grpcPlan(at(mute.port)))).toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("does not say which types"),
      hint: expect.stringContaining("--proto FILE"),
    });
    expect(await refusalOf(grpcPlan(at(shop.port, "shop.v2.Orders/Place")))).toMatchObject({
      code: "USAGE",
      hint: "there is shop.v1.Orders",
    });
    expect(await refusalOf(grpcPlan(at(shop.port, "shop.v1.Orders/Drop")))).toMatchObject({
      code: "USAGE",
      hint: "there is Place, Follow (streams), Upload (streams)",
    });
    expect(await refusalOf(grpcPlan(at(shop.port, "shop.v1.Orders/Follow")))).toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("a method with a stream"),
    });
    expect(await refusalOf(grpcPlan(at(shop.port), { message: '{"orderid":1}' }))).toMatchObject({
      code: "USAGE",
      message: expect.stringContaining('no field "orderid"'),
    });
    expect(await refusalOf(grpcPlan(at(shop.port), { metadata: [["ä", "x"]] }))).toMatchObject({
      code: "USAGE",
    });
    const nobody = at(await freePort());
    for (const grpc of [{}, { proto: SHOP_PROTO }]) {
      expect(await refusalOf(grpcPlan(nobody, grpc))).toMatchObject({
        code: "BENCH_UNREACHABLE",
        exitCode: 5,
        message: expect.stringContaining("ECONNREFUSED"),
      });
    }
    expect(shop.calls).toHaveLength(0);
  });
});
