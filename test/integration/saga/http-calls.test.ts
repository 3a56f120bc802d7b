import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ActionCaller } from "../../../src/core/saga/call/action-caller.ts";
import type { Outcome } from "../../../src/core/saga/engine/event.ts";
import { Certificates } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import { answer, type Behaviour, HttpStub } from "../../support/http-stub.ts";
import { type CallWish, caller, prepared, sagaOf, send } from "../../support/saga-call.ts";
import { until } from "../../support/until.ts";

let calls: ActionCaller;
let open: AsyncDisposable[];

beforeEach(() => {
  calls = caller();
  open = [calls];
});
afterEach(async () => {
  for (const one of open.toReversed()) await one[Symbol.asyncDispose]();
});

async function server(behave: Behaviour): Promise<HttpStub> {
  const stub = await HttpStub.start(behave);
  open.push(stub);
  return stub;
}

async function post(stub: HttpStub, wish: CallWish = {}, timeoutMs = 5000): Promise<Outcome> {
  const yaml = sagaOf({ http: `POST ${stub.url}/charges`, body: { amount: 5 } });
  return send(await prepared(calls, yaml, wish), timeoutMs);
}

/** The answers one after the other, the last one again and again. */
function inTurn(...answers: readonly Behaviour[]): Behaviour {
  let next = 0;
  return (...given) => answers[Math.min(next++, answers.length - 1)]?.(...given);
}

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
    const stub = await server(behaviour);
    expect(await post(stub)).toMatchObject(outcome);
    // Neither followed nor sent again.
    expect(stub.requests).toHaveLength(1);
  });

  it("422 under a key that was sent before is refused", async () => {
    expect(await post(await server(answer(422, "other")), { attempt: 2 })).toMatchObject({ kind: "refused" });
  });

  it("says status, place and what the service said", async () => {
    const stub = await server(answer(400, { error: "no such\n sku" }));
    expect(await post(stub)).toEqual({
      kind: "failed",
      message: `${stub.endpoint} answered 400: {"error":"no such\\n sku"}`,
    });
    const moved = await server(answer(307, "", { location: "http://elsewhere/" }));
    expect(await post(moved)).toMatchObject({
      message: `${moved.endpoint} answered 307 to http://elsewhere/`,
    });
  });

  it.each([
    [200, "unknown", "too long to be kept"],
    [400, "failed", "answered 400"],
  ])("a body without end with %d is not read to the end: %s", async (status, kind, says) => {
    const stub = await server((_request, response) => {
      response.writeHead(status);
      const more = () => {
        while (response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    });
    const outcome = await post(stub);
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
    const stub = await server(answer(status));
    expect(await post(stub, { asks: "probe" })).toMatchObject({ kind });
    expect(stub.requests).toHaveLength(1);
    expect(stub.requests[0]?.headers).not.toHaveProperty("idempotency-key");
  });
});

describe("409: the service is still at it", () => {
  it("asks again with the same key and body until it is done", async () => {
    const stub = await server(inTurn(answer(409), answer(409), answer(200, { id: 1 })));
    expect(await post(stub)).toEqual({ kind: "done", output: { id: 1 } });
    expect(stub.requests).toHaveLength(3);
    const keys = new Set(stub.requests.map(({ headers, body }) => `${headers["idempotency-key"]} ${body}`));
    expect(keys.size).toBe(1);
  });

  it("waits as long as the service asks for", async () => {
    const stub = await server(inTurn(answer(409, "", { "retry-after": "1" }), answer(200)));
    const begun = performance.now();
    expect(await post(stub)).toMatchObject({ kind: "done" });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(990);
  });

  it("is unknown at the deadline, and at once where the service asks for longer", async () => {
    expect(await post(await server(answer(409)), {}, 400)).toMatchObject({ kind: "unknown" });
    const begun = performance.now();
    const later = await server(answer(409, "", { "retry-after": "60" }));
    const outcome = await post(later);
    expect(outcome).toMatchObject({ kind: "unknown", message: expect.stringContaining("asks for 1m") });
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  it.each<[what: string, then: Behaviour, kind: Outcome["kind"]]>([
    ["a definite no may be about another thing", answer(401), "unknown"],
    ["a refusal is one", answer(422), "refused"],
    ["a reset", (_request, _response, socket) => void socket.resetAndDestroy(), "unknown"],
  ])("then %s", async (_what, then, kind) => {
    expect(await post(await server(inTurn(answer(409), then)))).toMatchObject({ kind });
  });

  it("is unknown, not unsent, when nobody is there any more", async () => {
    const stub = await HttpStub.start(answer(409, "", { "retry-after": "1", connection: "close" }));
    const outcome = post(stub);
    await until(() => stub.requests.length === 1);
    await stub[Symbol.asyncDispose]();
    expect(await outcome).toMatchObject({
      kind: "unknown",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });
});

describe("connections that fail", () => {
  const to = async (url: string, timeoutMs = 3000) =>
    send(await prepared(calls, sagaOf({ http: `POST ${url}`, body: {} })), timeoutMs);

  it("refused: not sent", async () => {
    const port = await freePort();
    expect(await to(`http://127.0.0.1:${port}/`)).toMatchObject({
      kind: "not-sent",
      message: expect.stringMatching(/ECONNREFUSED.*nothing was sent/),
    });
  });

  it("no such name: not sent", async () => {
    expect(await to("http://nobody.invalid/")).toMatchObject({ kind: "not-sent" });
  });

  it("a certificate that nobody trusts: not sent", async () => {
    using certificates = new Certificates();
    certificates.certificate("server", "IP:127.0.0.1", 2);
    const read = (file: string) => readFileSync(certificates.path(file), "utf8");
    const stub = await HttpStub.start(answer(200), { key: read("server.key"), cert: read("server.pem") });
    open.push(stub);
    expect(await to(`${stub.url}/`)).toMatchObject({
      kind: "not-sent",
      message: expect.stringMatching(/certif/),
    });
    expect(stub.requests).toHaveLength(0);
    const trusting = caller({ ca: read("ca.pem") });
    open.push(trusting);
    const yaml = sagaOf({ http: `GET ${stub.url}/` });
    expect(await send(await prepared(trusting, yaml))).toMatchObject({ kind: "done" });
  });

  it("a TLS handshake without an answer: not sent", async () => {
    const silent = createServer((socket) => socket.resume().on("error", () => {}));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : 0;
    expect(await to(`https://127.0.0.1:${port}/`, 200)).toMatchObject({ kind: "not-sent" });
    await calls[Symbol.asyncDispose]();
    await new Promise((resolve) => silent.close(resolve));
  });

  it("cut before it is read, or while it is read: unknown", async () => {
    const cut = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.resetAndDestroy());
    });
    await new Promise<void>((resolve) => cut.listen(0, "127.0.0.1", resolve));
    const address = cut.address();
    const port = typeof address === "object" ? address?.port : 0;
    expect(await to(`http://127.0.0.1:${port}/`)).toMatchObject({ kind: "unknown" });
    await new Promise((resolve) => cut.close(resolve));
  });

  it.each<[what: string, behaviour: Behaviour]>([
    ["a reset after it was read", (_request, _response, socket) => void socket.resetAndDestroy()],
    ["an end without an answer", (_request, _response, socket) => void socket.end()],
    ["nonsense", (_request, _response, socket) => void socket.end("HTTP/9 what?\r\n\r\n")],
    [
      "an upgrade",
      (_request, _response, socket) =>
        void socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    ],
    [
      "a 200 whose body breaks off",
      (_request, response, socket) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("{", () => socket.destroy());
      },
    ],
  ])("%s: unknown", async (_what, behaviour) => {
    const stub = await server(behaviour);
    expect(await post(stub)).toMatchObject({ kind: "unknown" });
    expect(stub.requests).toHaveLength(1);
  });

  it.each<[what: string, behaviour: Behaviour]>([
    ["before the headers", () => {}],
    [
      "after the headers",
      (_request, response) => {
        response.writeHead(200).flushHeaders();
      },
    ],
    [
      "in drips that never end",
      (_request, response) => {
        response.writeHead(200);
        const drip = setInterval(() => response.write(" "), 20);
        response.once("close", () => clearInterval(drip));
      },
    ],
  ])("a stall %s: unknown at the deadline, and the connection is closed", async (_what, behaviour) => {
    const stub = await server(behaviour);
    const begun = performance.now();
    expect(await post(stub, {}, 200)).toMatchObject({
      kind: "unknown",
      message: expect.stringContaining("no answer within"),
    });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(190);
    await until(() => stub.sockets.size === 0);
  });

  it("applied, then silent: unknown; the same key again is answered, and has one effect", async () => {
    const effects = new Map<string, number>();
    const stub = await server((request, response) => {
      const key = String(request.headers["idempotency-key"]);
      const isNew = !effects.has(key);
      if (isNew) effects.set(key, effects.size + 1);
      if (!isNew) response.writeHead(200).end(JSON.stringify({ id: effects.get(key) }));
    });
    expect(await post(stub, {}, 200)).toMatchObject({ kind: "unknown" });
    expect(await post(stub, { attempt: 2 })).toEqual({ kind: "done", output: { id: 1 } });
    expect(effects.size).toBe(1);
  });

  it("a signal ends it: unknown where it was sent, else not sent", async () => {
    const stub = await server(() => {});
    const stop = new AbortController();
    const call = await prepared(calls, sagaOf({ http: `POST ${stub.url}/` }));
    const sent = send(call, 5000, stop.signal);
    await until(() => stub.requests.length === 1);
    stop.abort();
    expect(await sent).toMatchObject({ kind: "unknown" });
    expect(await send(call, 5000, stop.signal)).toMatchObject({ kind: "not-sent" });
    expect(await send(call, 0)).toMatchObject({ kind: "not-sent" });
    expect(stub.requests).toHaveLength(1);
  });
});

describe("kept connections", () => {
  it("are used again", async () => {
    const stub = await server(answer(200));
    for (let n = 0; n < 5; n++) await post(stub);
    // The pool may open a second one, for a request that follows within the same turn.
    expect(stub.connections).toBeLessThanOrEqual(2);
  });

  it("that the server closes at the very moment: unknown, and never sent twice", async () => {
    // Closes right after it has read the next request: to the client the same as a close that crossed it on the way.
    const stub = await server(
      inTurn(answer(200), (_request, _response, socket) => void socket.resetAndDestroy()),
    );
    const one = caller({ connections: 1 });
    open.push(one);
    const call = await prepared(one, sagaOf({ http: `POST ${stub.url}/` }));
    expect(await send(call)).toMatchObject({ kind: "done" });
    expect(await send(call)).toMatchObject({ kind: "unknown" });
    expect(stub.connections).toBe(1);
    expect(stub.requests).toHaveLength(2);
  });

  it("that the server has closed meanwhile are not used: nothing is lost, nothing sent twice", async () => {
    const stub = await server(answer(200));
    for (let n = 0; n < 20; n++) {
      expect(await post(stub)).toMatchObject({ kind: "done" });
      for (const socket of stub.sockets) {
        if (n % 2 === 0) socket.end();
        else socket.resetAndDestroy();
      }
      await until(() => stub.sockets.size === 0, 1000, 0);
    }
    expect(stub.requests).toHaveLength(20);
  });

  it("closed with the answer, in a race with the next request: done once, or unknown", async () => {
    const stub = await server((_request, response, socket) => {
      // No `Connection: close`: the client believes that it may go on.
      response.writeHead(200).end("{}", () => setImmediate(() => socket.destroy()));
    });
    const outcomes: Outcome[] = [];
    for (let n = 0; n < 50; n++) outcomes.push(await post(stub));
    const done = outcomes.filter(({ kind }) => kind === "done").length;
    const rest = outcomes.filter(({ kind }) => kind === "unknown").length;
    expect(done + rest).toBe(50);
    // Whatever it says of them, no request came twice.
    expect(stub.requests.length).toBeLessThanOrEqual(50);
    expect(stub.requests.length).toBeGreaterThanOrEqual(done);
  });

  it("are limited: who gets none in time has sent nothing", async () => {
    const few = caller({ connections: 1 });
    open.push(few);
    const stub = await server(() => {});
    const yaml = sagaOf({ http: `POST ${stub.url}/` });
    const first = send(await prepared(few, yaml), 600);
    await until(() => stub.requests.length === 1);
    expect(await send(await prepared(few, yaml), 150)).toMatchObject({ kind: "not-sent" });
    expect(await first).toMatchObject({ kind: "unknown" });
    expect(stub.requests).toHaveLength(1);
  });

  it("are closed by dispose, with what is under way", async () => {
    const stub = await server(inTurn(answer(200), () => {}));
    await post(stub);
    const pending = post(stub);
    await until(() => stub.requests.length === 2);
    await calls[Symbol.asyncDispose]();
    expect(await pending).toMatchObject({ kind: "unknown" });
    await until(() => stub.sockets.size === 0);
    expect(await post(stub)).toMatchObject({ kind: "not-sent" });
  });
});

describe("what is sent", () => {
  it("says whose call it is", async () => {
    const stub = await server(answer(200));
    await post(stub, { attempt: 3, runId: "run-7" });
    await post(stub, { runId: "run-7" });
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
    const stub = await server(answer(200));
    const http = `POST ${stub.url}/charges`;
    const step = {
      name: "a",
      action: { http },
      compensate: { http: `DELETE ${stub.url}/\${{ actionKey }}` },
    };
    const yaml = JSON.stringify({ saga: "s", steps: [step] });
    await send(await prepared(calls, yaml));
    await send(await prepared(calls, yaml, { direction: "undo" }));
    const [done, undone] = stub.requests;
    expect(undone?.headers["saga-action-key"]).toBe(done?.headers["idempotency-key"]);
    expect(undone?.url).toBe(`/${done?.headers["idempotency-key"]}`);
    expect(undone?.headers["idempotency-key"]).not.toBe(done?.headers["idempotency-key"]);
  });

  it("keeps a traceparent and credentials that are given", async () => {
    const stub = await server(answer(200));
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-00`;
    const url = stub.url.replace("://", "://user:p%40ss@");
    await send(await prepared(calls, sagaOf({ http: `GET ${url}/x`, headers: { traceparent } })));
    expect(stub.requests[0]?.headers).toMatchObject({
      traceparent,
      authorization: `Basic ${Buffer.from("user:p@ss").toString("base64")}`,
    });
  });

  it("keeps secrets out of what the service says back", async () => {
    const stub = await server((request, response) => {
      response.writeHead(Number(request.url.slice(1)));
      response.end(JSON.stringify({ saw: request.headers["x-token"], id: 1 }));
    });
    const env = { DCS_SECRET_TOKEN: "tok-12345" };
    const to = async (status: number) => {
      const action = { http: `POST ${stub.url}/${status}`, headers: { "x-token": "${{ secrets.TOKEN }}" } };
      return send(await prepared(calls, sagaOf(action), { env }));
    };
    expect(await to(200)).toEqual({ kind: "done", output: { saw: "[redacted]", id: 1 } });
    expect(await to(400)).toMatchObject({
      message: expect.stringContaining('400: {"saw":"[redacted]","id":1}'),
    });
    expect(stub.requests[0]?.headers["x-token"]).toBe("tok-12345");
  });
});
