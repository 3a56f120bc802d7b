import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { parseDefinition } from "../../src/core/saga/definition/read-definition.ts";
import { runDcs } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { exampleSaga, hurried, PARALLEL_SAGA } from "../support/order-sagas.ts";
import { type ServiceFault, startOrderServices } from "../support/order-services.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

const box = sandboxPerTest();

interface Answer {
  /** 0 where there was none. */
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** One call as dcs makes it; gives up after `timeoutMs`. */
async function call(
  url: string,
  method: string,
  key: string,
  body?: unknown,
  timeoutMs = 5000,
): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method,
      headers: { "idempotency-key": key },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  } catch {
    return { status: 0, body: {} };
  }
}

const charge = (url: string, key: string, timeoutMs?: number) =>
  call(`${url}/v1/charges`, "POST", key, { amount: 30 }, timeoutMs);
const refund = (url: string, key: string, of: string) =>
  call(`${url}/v1/refunds`, "POST", key, { charge: of });

it("takes effect once for each key, and answers the same again", async () => {
  await using services = await startOrderServices();
  const { url } = services.payment;
  const first = await charge(url, "k1");
  expect(first).toEqual({ status: 201, body: { id: "c-1", amount: 30, status: "charged" } });
  expect(await charge(url, "k1")).toEqual(first);
  expect(await call(`${url}/v1/charges`, "POST", "k1", { amount: 31 })).toMatchObject({ status: 422 });
  expect(await call(`${url}/v1/charges`, "POST", "k2", { amount: 1001 })).toMatchObject({ status: 402 });
  expect(await call(`${url}/v1/charges`, "POST", "", { amount: 1 })).toMatchObject({ status: 400 });
  expect(await refund(url, "k3", "k1")).toMatchObject({ status: 201, body: { amount: 30 } });
  expect(await call(`${url}/v1/charges/by-key/k1`, "GET", "")).toMatchObject({
    status: 200,
    body: { status: "refunded" },
  });
  expect(await services.payment.effects()).toMatchObject({
    counts: { charge: 1, refund: 1 },
    effects: [
      { n: 1, kind: "charge", key: "k1" },
      { n: 2, kind: "refund", key: "k3", charge: "k1" },
    ],
    keys: { k1: { applied: 1, asked: 3 }, k2: { applied: 0, asked: 1 } },
  });
});

it("refuses a charge that was refunded before it came, also when it is under way", async () => {
  await using services = await startOrderServices();
  const { url } = services.payment;
  expect(await refund(url, "r1", "k1")).toMatchObject({ status: 201, body: { amount: 0 } });
  expect(await charge(url, "k1")).toMatchObject({ status: 410 });
  await services.payment.fault({ match: "POST /v1/charges", do: "slow", ms: 400 });
  const slow = charge(url, "k2");
  await until(async () => (await services.payment.effects()).keys["k2"]?.asked === 1);
  expect(await charge(url, "k2")).toMatchObject({ status: 409 });
  expect(await call(`${url}/v1/charges/by-key/k2`, "GET", "")).toMatchObject({ status: 409 });
  expect(await refund(url, "r2", "k2")).toMatchObject({ status: 201 });
  expect(await slow).toMatchObject({ status: 410 });
  expect((await services.payment.effects()).counts).toEqual({ void: 2 });
});

it("cancels what is not shipped, and ships what is not cancelled", async () => {
  await using services = await startOrderServices();
  const { url } = services.orders;
  const orders = `${url}/v1/orders`;
  for (const key of ["a", "b"]) await call(orders, "POST", key, { sku: "book" });
  expect(await call(`${orders}/o-1`, "DELETE", "c")).toMatchObject({ status: 200 });
  expect(await call(`${orders}/o-1`, "DELETE", "c")).toMatchObject({ status: 200 });
  expect(await call(`${orders}/o-1`, "DELETE", "d")).toMatchObject({ status: 410 });
  expect(await call(`${orders}/o-1/shipment`, "POST", "e")).toMatchObject({ status: 410 });
  expect(await call(`${orders}/o-2/shipment`, "POST", "f")).toMatchObject({
    status: 201,
    body: { id: "s-1" },
  });
  expect(await call(`${orders}/o-2`, "DELETE", "g")).toMatchObject({ status: 403 });
  expect(await call(`${orders}/o-3`, "DELETE", "h")).toMatchObject({ status: 404 });
  expect((await services.orders.effects()).counts).toEqual({ order: 2, cancel: 1, shipment: 1 });
});

it.each<[fault: ServiceFault["do"], status: number, applied: number]>([
  ["fail", 402, 0],
  ["error", 500, 0],
  ["busy", 409, 0],
  ["stall", 0, 0],
  ["reset", 0, 0],
  ["slow", 0, 1],
  ["apply-then-error", 500, 1],
  ["apply-then-stall", 0, 1],
  ["apply-then-reset", 0, 1],
])("%s, then the same key again", async (fault, status, applied) => {
  await using services = await startOrderServices();
  const { payment } = services;
  await payment.fault({ match: "POST /v1/charges", do: fault, ms: 300 });
  expect((await charge(payment.url, "k", 150)).status).toBe(status);
  // What is slow takes effect though nobody waits any more.
  if (applied === 1) await until(async () => (await payment.effects()).counts.charge === 1);
  expect((await payment.effects()).counts.charge ?? 0).toBe(applied);
  // A connection that was given up is seen a moment later.
  await until(async () => (await charge(payment.url, "k")).status === 201);
  expect((await payment.effects()).counts).toEqual({ charge: 1 });
});

it("misbehaves only where, when and as often as it was told to", async () => {
  await using services = await startOrderServices();
  const { orders } = services;
  const match = "POST /v1/orders/*/shipment";
  await expect(orders.fault({ do: "fail", times: 0 })).rejects.toThrow("times: must be 1 or more");
  await orders.fault({ match, do: "fail", after: 1, times: 2, status: 451 });
  const statuses: number[] = [];
  for (const key of ["a", "b", "c", "d"]) {
    expect(await call(`${orders.url}/v1/orders`, "POST", key, { sku: "x" })).toMatchObject({ status: 201 });
    const id = statuses.length + 1;
    statuses.push((await call(`${orders.url}/v1/orders/o-${id}/shipment`, "POST", `s${key}`)).status);
  }
  expect(statuses).toEqual([201, 451, 451, 201]);
  await orders.fault({ do: "stall", times: "always" });
  const stalled = call(`${orders.url}/v1/orders`, "POST", "e", { sku: "x" });
  await until(async () => (await orders.effects()).keys["e"]?.asked === 1);
  await orders.clearFaults();
  expect((await stalled).status).toBe(0);
  expect(await call(`${orders.url}/v1/orders`, "POST", "e", { sku: "x" })).toMatchObject({ status: 201 });
  await orders.fault({ do: "refuse-connection", ms: 300 });
  await until(async () => (await call(`${orders.url}/healthz`, "GET", "")).status === 0);
  await until(async () => (await call(`${orders.url}/healthz`, "GET", "")).status === 200);
});

it("with a file, knows after kill -9 what it did, and nothing that it did not finish writing", async () => {
  await using services = await startOrderServices({ dataDir: box.dir });
  const { payment } = services;
  const first = await charge(payment.url, "k1");
  await payment.fault({ match: "POST /v1/charges", do: "apply-then-crash" });
  expect((await charge(payment.url, "k2")).status).toBe(0);
  await until(() => payment.process.signalCode === "SIGKILL");
  appendFileSync(join(box.dir, "payment.jsonl"), '{"n":3,"kind":"charge","key":"k3","am');
  await payment.restart();
  expect(await charge(payment.url, "k1")).toEqual(first);
  expect(await charge(payment.url, "k2")).toMatchObject({ status: 201, body: { id: "c-2" } });
  expect((await payment.effects()).counts).toEqual({ charge: 2 });
  expect(await charge(payment.url, "k3")).toMatchObject({ status: 201, body: { id: "c-3" } });
  await payment.restart();
  expect((await payment.effects()).effects.map(({ n, key }) => [n, key])).toEqual([
    [1, "k1"],
    [2, "k2"],
    [3, "k3"],
  ]);
});

it("is found in the store, through the library and under dcs register", async () => {
  await using services = await startOrderServices();
  await services.register(String(box.env["DCS_STATE_DIR"]));
  const found = await runDcs(["resolve", "payment"], { env: box.env });
  expect(found.stdout.trim()).toBe(services.payment.endpoint);
  const endpoint = `127.0.0.1:${await freePort()}`;
  const [, port = ""] = endpoint.split(":");
  const program = fileURLToPath(new URL("../../examples/create-order/orders.mjs", import.meta.url));
  const wrapped = ["--endpoint", endpoint, "--check", "http:/healthz", "--check-interval", "100ms"];
  const dcs = box.start("register", "shop", ...wrapped, "--", process.execPath, program, "--port", port);
  const shop = await runDcs(["resolve", "shop", "--wait", "10s"], { env: box.env });
  expect(shop.stdout.trim()).toBe(endpoint);
  expect(dcs.stdout()).toContain(`listening on http://${endpoint}`);
  dcs.process.kill("SIGTERM");
  expect((await dcs.done).code).toBe(0);
});

it("has definitions that hold: the example, its branches at once, and both in a hurry", async () => {
  for (const text of [exampleSaga(), PARALLEL_SAGA]) {
    for (const each of [text, hurried(text)]) {
      const { warnings } = await parseDefinition(each, "saga.yaml");
      expect(warnings).toEqual([]);
    }
  }
  const { definition } = await parseDefinition(hurried(PARALLEL_SAGA), "saga.yaml");
  expect(definition.steps.map(({ timeoutMs, settleMs }) => [timeoutMs, settleMs])).toEqual(
    Array.from({ length: 5 }, () => [500, 100]),
  );
});
