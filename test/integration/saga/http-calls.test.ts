import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../src/core/saga/engine/event.ts";
import { httpCallsPerTest, inTurn } from "../../support/http-calls.ts";
import { answer, type Behaviour, HttpStub } from "../../support/http-stub.ts";
import { prepared, sagaOf, send } from "../../support/saga-call.ts";
import { until } from "../../support/until.ts";

const kit = httpCallsPerTest();

describe("what an answer says", () => {
  it.each<[what: string, behaviour: Behaviour, outcome: Partial<Outcome> & { kind: Outcome["kind"] }]>([
    ["200 with JSON", answer(200, { id: 7 }), { kind: "done", output: { id: 7 } }],
    ["201 with text", answer(201, "ok then"), { kind: "done", output: "ok then" }],
    ["204", answer(204), { kind: "done", output: null }],
    [
      "200 with broken JSON",
      answer(200, '{"id":', { "content-type": "application/json" }),
      { kind: "done", output: '{"id":' },
    ],
    [
      "200 with JSON without end to its depth",
      answer(200, "[".repeat(100_000) + "]".repeat(100_000)),
      { kind: "done", output: expect.stringMatching(/^\[{9}/) },
    ],
    ["400", answer(400, "no such sku"), { kind: "failed" }],
    ["401", answer(401), { kind: "failed" }],
    ["404", answer(404), { kind: "failed" }],
    ["422 on a fresh key", answer(422, "amount is negative"), { kind: "failed" }],
    [
      "422 that names the key",
      answer(422, { title: "Idempotency-Key is already used" }),
      { kind: "refused" },
    ],
    ["307", answer(307, "", { location: "http://elsewhere/" }), { kind: "failed" }],
    ["303, as after an effect", answer(303, "", { location: "/done" }), { kind: "unknown" }],
    ["302", answer(302, "", { location: "/login" }), { kind: "unknown" }],
    ["408", answer(408), { kind: "unknown" }],
    ["425", answer(425), { kind: "unknown" }],
    ["429", answer(429, "", { "retry-after": "1" }), { kind: "unknown" }],
    ["500", answer(500, "oops"), { kind: "unknown" }],
    ["503 with Retry-After", answer(503, "", { "retry-after": "1" }), { kind: "unknown" }],
  ])("%s", async (_what, behaviour, outcome) => {
    const stub = await kit.server(behaviour);
    expect(await kit.post(stub)).toMatchObject(outcome);
    // Neither followed nor sent again.
    expect(stub.requests).toHaveLength(1);
  });

  it("422 under a key that was sent before is refused", async () => {
    expect(await kit.post(await kit.server(answer(422, "other")), { attempt: 2 })).toMatchObject({
      kind: "refused",
    });
  });

  it("says status, place and what the service said", async () => {
    const stub = await kit.server(answer(400, { error: "no such\n sku" }));
    expect(await kit.post(stub)).toEqual({
      kind: "failed",
      message: `${stub.endpoint} answered 400: {"error":"no such\\n sku"}`,
    });
    const moved = await kit.server(answer(307, "", { location: "http://elsewhere/" }));
    expect(await kit.post(moved)).toMatchObject({
      message: `${moved.endpoint} answered 307 to http://elsewhere/`,
    });
  });

  it.each([
    [200, "unknown", "too long to be kept"],
    [400, "failed", "answered 400"],
  ])("a body without end with %d is not read to the end: %s", async (status, kind, says) => {
    const stub = await kit.server((_request, response) => {
      response.writeHead(status);
      const more = () => {
        while (response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    });
    const outcome = await kit.post(stub);
    expect(outcome).toMatchObject({ kind, message: expect.stringContaining(says) });
    await until(() => stub.sockets.size === 0);
  });

  it.each<[number, Outcome["kind"]]>([
    [200, "done"],
    [404, "failed"],
    [400, "unknown"],
    [401, "unknown"],
    [409, "unknown"],
    [500, "unknown"],
  ])("a probe's %d is %s", async (status, kind) => {
    const stub = await kit.server(answer(status));
    expect(await kit.post(stub, { asks: "probe" })).toMatchObject({ kind });
    expect(stub.requests).toHaveLength(1);
    expect(stub.requests[0]?.headers).not.toHaveProperty("idempotency-key");
  });
});

describe("409: the service is still at it", () => {
  it("asks again with the same key and body until it is done", async () => {
    const stub = await kit.server(inTurn(answer(409), answer(409), answer(200, { id: 1 })));
    expect(await kit.post(stub)).toEqual({ kind: "done", output: { id: 1 } });
    expect(stub.requests).toHaveLength(3);
    const keys = new Set(stub.requests.map(({ headers, body }) => `${headers["idempotency-key"]} ${body}`));
    expect(keys.size).toBe(1);
  });

  it("waits as long as the service asks for", async () => {
    const stub = await kit.server(inTurn(answer(409, "", { "retry-after": "1" }), answer(200)));
    const begun = performance.now();
    expect(await kit.post(stub)).toMatchObject({ kind: "done" });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(990);
  });

  it("is unknown at the deadline, and at once where the service asks for longer", async () => {
    expect(await kit.post(await kit.server(answer(409)), {}, 400)).toMatchObject({ kind: "unknown" });
    const begun = performance.now();
    const later = await kit.server(answer(409, "", { "retry-after": "60" }));
    const outcome = await kit.post(later);
    expect(outcome).toMatchObject({ kind: "unknown", message: expect.stringContaining("asks for 1m") });
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  it.each<[what: string, then: Behaviour, kind: Outcome["kind"]]>([
    ["a definite no may be about another thing", answer(401), "unknown"],
    ["a refusal is one", answer(422), "refused"],
    ["a reset", (_request, _response, socket) => void socket.resetAndDestroy(), "unknown"],
  ])("then %s", async (_what, then, kind) => {
    expect(await kit.post(await kit.server(inTurn(answer(409), then)))).toMatchObject({ kind });
  });

  it("is unknown, not unsent, when nobody is there any more", async () => {
    const stub = await HttpStub.start(answer(409, "", { "retry-after": "1", connection: "close" }));
    const outcome = kit.post(stub);
    await until(() => stub.requests.length === 1);
    await stub[Symbol.asyncDispose]();
    expect(await outcome).toMatchObject({
      kind: "unknown",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });
});

describe("what is sent", () => {
  it("says whose call it is", async () => {
    const stub = await kit.server(answer(200));
    await kit.post(stub, { attempt: 3, runId: "run-7" });
    await kit.post(stub, { runId: "run-7" });
    const [first, second] = stub.requests;
    expect(first).toMatchObject({
      method: "POST",
      url: "/charges",
      body: '{"amount":5}',
      headers: {
        "content-type": "application/json",
        "idempotency-key": expect.stringMatching(/^[0-9a-f]{32}$/),
        "saga-run": "run-7",
        "saga-step": "a",
        "saga-attempt": "3",
        traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      },
    });
    const traces = [first, second].map((request) => String(request?.headers["traceparent"]).split("-"));
    expect(traces[0]?.[1]).toBe(traces[1]?.[1]);
    expect(traces[0]?.[2]).not.toBe(traces[1]?.[2]);
    expect(first?.headers).not.toHaveProperty("saga-action-key");
  });

  it("names the action's key in a compensation", async () => {
    const stub = await kit.server(answer(200));
    const http = `POST ${stub.url}/charges`;
    const step = {
      name: "a",
      action: { http },
      compensate: { http: `DELETE ${stub.url}/\${{ actionKey }}` },
    };
    const yaml = JSON.stringify({ saga: "s", steps: [step] });
    await send(await prepared(kit.calls, yaml));
    await send(await prepared(kit.calls, yaml, { direction: "undo" }));
    const [done, undone] = stub.requests;
    expect(undone?.headers["saga-action-key"]).toBe(done?.headers["idempotency-key"]);
    expect(undone?.url).toBe(`/${done?.headers["idempotency-key"]}`);
    expect(undone?.headers["idempotency-key"]).not.toBe(done?.headers["idempotency-key"]);
  });

  it("keeps a traceparent and credentials that are given", async () => {
    const stub = await kit.server(answer(200));
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-00`;
    const url = stub.url.replace("://", "://user:p%40ss@");
    await send(await prepared(kit.calls, sagaOf({ http: `GET ${url}/x`, headers: { traceparent } })));
    expect(stub.requests[0]?.headers).toMatchObject({
      traceparent,
      authorization: `Basic ${Buffer.from("user:p@ss").toString("base64")}`,
    });
  });

  it("keeps secrets out of what the service says back", async () => {
    const stub = await kit.server((request, response) => {
      response.writeHead(Number(request.url.slice(1)));
      response.end(JSON.stringify({ saw: request.headers["x-token"], id: 1 }));
    });
    const env = { DCS_SECRET_TOKEN: "tok-12345" };
    const to = async (status: number) => {
      const action = { http: `POST ${stub.url}/${status}`, headers: { "x-token": "${{ secrets.TOKEN }}" } };
      return send(await prepared(kit.calls, sagaOf(action), { env }));
    };
    expect(await to(200)).toEqual({ kind: "done", output: { saw: "[redacted]", id: 1 } });
    expect(await to(400)).toMatchObject({
      message: expect.stringContaining('400: {"saw":"[redacted]","id":1}'),
    });
    expect(stub.requests[0]?.headers["x-token"]).toBe("tok-12345");
  });
});
