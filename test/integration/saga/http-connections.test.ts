import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../src/core/saga/engine/event.ts";
import { Certificates } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import { httpCallsPerTest, inTurn } from "../../support/http-calls.ts";
import { answer, type Behaviour, HttpStub } from "../../support/http-stub.ts";
import { caller, prepared, sagaOf, send } from "../../support/saga-call.ts";
import { until } from "../../support/until.ts";

const kit = httpCallsPerTest();

describe("connections that fail", () => {
  const to = async (url: string, timeoutMs = 3000) =>
    send(await prepared(kit.calls, sagaOf({ http: `POST ${url}`, body: {} })), timeoutMs);

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
    kit.open.push(stub);
    expect(await to(`${stub.url}/`)).toMatchObject({
      kind: "not-sent",
      message: expect.stringMatching(/certif/),
    });
    expect(stub.requests).toHaveLength(0);
    const trusting = caller({ ca: read("ca.pem") });
    kit.open.push(trusting);
    const yaml = sagaOf({ http: `GET ${stub.url}/` });
    expect(await send(await prepared(trusting, yaml))).toMatchObject({ kind: "done" });
  });

  it("a TLS handshake without an answer: not sent", async () => {
    const silent = createServer((socket) => socket.resume().on("error", () => {}));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : 0;
    expect(await to(`https://127.0.0.1:${port}/`, 200)).toMatchObject({ kind: "not-sent" });
    await kit.calls[Symbol.asyncDispose]();
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
    const stub = await kit.server(behaviour);
    expect(await kit.post(stub)).toMatchObject({ kind: "unknown" });
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
    const stub = await kit.server(behaviour);
    const begun = performance.now();
    expect(await kit.post(stub, {}, 200)).toMatchObject({
      kind: "unknown",
      message: expect.stringContaining("no answer within"),
    });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(190);
    await until(() => stub.sockets.size === 0);
  });

  it("applied, then silent: unknown; the same key again is answered, and has one effect", async () => {
    const effects = new Map<string, number>();
    const stub = await kit.server((request, response) => {
      const key = String(request.headers["idempotency-key"]);
      const isNew = !effects.has(key);
      if (isNew) effects.set(key, effects.size + 1);
      if (!isNew) response.writeHead(200).end(JSON.stringify({ id: effects.get(key) }));
    });
    expect(await kit.post(stub, {}, 200)).toMatchObject({ kind: "unknown" });
    expect(await kit.post(stub, { attempt: 2 })).toEqual({ kind: "done", output: { id: 1 } });
    expect(effects.size).toBe(1);
  });

  it("a signal ends it: unknown where it was sent, else not sent", async () => {
    const stub = await kit.server(() => {});
    const stop = new AbortController();
    const call = await prepared(kit.calls, sagaOf({ http: `POST ${stub.url}/` }));
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
    const stub = await kit.server(answer(200));
    for (let n = 0; n < 5; n++) await kit.post(stub);
    // The pool may open a second one, for a request that follows within the same turn.
    expect(stub.connections).toBeLessThanOrEqual(2);
  });

  it("that the server closes at the very moment: unknown, and never sent twice", async () => {
    // Closes right after it has read the next request: to the client the same as a close that crossed it on the way.
    const stub = await kit.server(
      inTurn(answer(200), (_request, _response, socket) => void socket.resetAndDestroy()),
    );
    const one = caller({ connections: 1 });
    kit.open.push(one);
    const call = await prepared(one, sagaOf({ http: `POST ${stub.url}/` }));
    expect(await send(call)).toMatchObject({ kind: "done" });
    expect(await send(call)).toMatchObject({ kind: "unknown" });
    expect(stub.connections).toBe(1);
    expect(stub.requests).toHaveLength(2);
  });

  it("that the server has closed meanwhile are not used: nothing is lost, nothing sent twice", async () => {
    const stub = await kit.server(answer(200));
    for (let n = 0; n < 20; n++) {
      expect(await kit.post(stub)).toMatchObject({ kind: "done" });
      for (const socket of stub.sockets) {
        if (n % 2 === 0) socket.end();
        else socket.resetAndDestroy();
      }
      await until(() => stub.sockets.size === 0, 1000, 0);
    }
    expect(stub.requests).toHaveLength(20);
  });

  it("closed with the answer, in a race with the next request: done once, or unknown", async () => {
    const stub = await kit.server((_request, response, socket) => {
      // No `Connection: close`: the client believes that it may go on.
      response.writeHead(200).end("{}", () => setImmediate(() => socket.destroy()));
    });
    const outcomes: Outcome[] = [];
    for (let n = 0; n < 50; n++) outcomes.push(await kit.post(stub));
    const done = outcomes.filter(({ kind }) => kind === "done").length;
    const rest = outcomes.filter(({ kind }) => kind === "unknown").length;
    expect(done + rest).toBe(50);
    // Whatever it says of them, no request came twice.
    expect(stub.requests.length).toBeLessThanOrEqual(50);
    expect(stub.requests.length).toBeGreaterThanOrEqual(done);
  });

  it("are limited: who gets none in time has sent nothing", async () => {
    const few = caller({ connections: 1 });
    kit.open.push(few);
    const stub = await kit.server(() => {});
    const yaml = sagaOf({ http: `POST ${stub.url}/` });
    const first = send(await prepared(few, yaml), 600);
    await until(() => stub.requests.length === 1);
    expect(await send(await prepared(few, yaml), 150)).toMatchObject({ kind: "not-sent" });
    expect(await first).toMatchObject({ kind: "unknown" });
    expect(stub.requests).toHaveLength(1);
  });

  it("are closed by dispose, with what is under way", async () => {
    const stub = await kit.server(inTurn(answer(200), () => {}));
    await kit.post(stub);
    const pending = kit.post(stub);
    await until(() => stub.requests.length === 2);
    await kit.calls[Symbol.asyncDispose]();
    expect(await pending).toMatchObject({ kind: "unknown" });
    await until(() => stub.sockets.size === 0);
    expect(await kit.post(stub)).toMatchObject({ kind: "not-sent" });
  });
});
