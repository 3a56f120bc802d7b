import { afterAll, describe, expect, it } from "vitest";
import type { Json } from "../../../src/core/saga/definition/expression.ts";
import { type CallWish, caller, prepared, sagaOf } from "../../support/saga-call.ts";

const SEALING = { DCS_SAGA_KEY: "ab".repeat(32) };
const calls = caller();
afterAll(() => calls[Symbol.asyncDispose]());

async function shown(action: object, input: Json = {}, wish: CallWish = {}): Promise<Json> {
  return (await prepared(calls, sagaOf(action), { input, ...wish })).shown;
}

async function hash(action: object, wish: CallWish = {}, more: object = {}): Promise<string> {
  return (await prepared(calls, sagaOf(action, more), wish)).inputHash;
}

describe("an address", () => {
  it.each<[http: string, input: Json, sent: string]>([
    ["GET http://x/orders/${{ input.id }}", { id: "a/b?c#d&e" }, "GET http://x/orders/a%2Fb%3Fc%23d%26e"],
    ["GET http://x/a?q=${{ input.q }}", { q: "1&admin=1" }, "GET http://x/a?q=1%26admin%3D1"],
    ["GET http://x/a?q=${{ input.q }}", { q: "" }, "GET http://x/a?q="],
    ["GET ${{ input.base }}/a", { base: "https://h:1/b" }, "GET https://h:1/b/a"],
    ["GET http://${{ input.host }}/a", { host: "h.test:80" }, "GET http://h.test:80/a"],
    ["GET http://${{ input.host }}/a", { host: "[::1]:80" }, "GET http://[::1]:80/a"],
    ["GET http://h:${{ input.port }}/a", { port: 8080 }, "GET http://h:8080/a"],
    [
      "GET service://${{ input.name }}/v1/${{ input.n }}",
      { name: "pay_1", n: 5 },
      "GET service://pay_1/v1/5",
    ],
    ["GET http://x/${{ input.id }}", { id: "..a" }, "GET http://x/..a"],
  ])("%s with %j is %s", async (http, input, sent) => {
    expect(await shown({ http }, input)).toMatchObject({ http: sent });
  });

  it.each<[http: string, input: Json, says: string]>([
    ["GET http://x/orders/${{ input.id }}", { id: ".." }, '"." or ".." as a part of its path'],
    ["GET http://x/orders/${{ input.id }}/y", { id: "." }, '"." or ".."'],
    ["GET http://x/orders/%2e${{ input.id }}", { id: "." }, '"." or ".."'],
    [
      "GET http://x/orders/${{ input.id }}",
      { id: "" },
      "nothing to put into the path after http://x/orders/",
    ],
    ["GET http://x/orders/${{ input.id }}", {}, "has no value"],
    ["GET http://${{ input.host }}/", { host: "evil.test/x" }, "cannot be the host or port"],
    ["GET http://${{ input.host }}/", { host: "a@b" }, "cannot be the host or port"],
    ["GET http://h:${{ input.port }}/", { port: "1@evil.test" }, "cannot be the host or port"],
    ["GET ${{ input.base }}/a", { base: "file:///etc/passwd" }, "must begin with http://"],
    ["GET ${{ input.base }}/a", { base: "http://x/\r\ny" }, "a character that none may have"],
    ["GET http://h:${{ input.port }}/", { port: 99999 }, "cannot be read"],
  ])("%s with %j is refused", async (http, input, says) => {
    await expect(shown({ http }, input)).rejects.toThrow(says);
  });
});

describe("headers and bodies", () => {
  it.each(["a\r\nx-admin: 1", "a\nb", "a\0b", "snow ☃"])("a header's value %j is refused", async (value) => {
    const action = { http: "GET http://x/", headers: { "x-note": "is ${{ input.v }}" } };
    await expect(shown(action, { v: value })).rejects.toThrow("the value of the header x-note has");
  });

  it.each(["Idempotency-Key", "saga-run", "Content-Length", "Transfer-Encoding", "Connection", "Expect"])(
    "%s is not a definition's to set",
    async (name) => {
      await expect(shown({ http: "GET http://x/", headers: { [name]: "1" } })).rejects.toThrow(
        "is set by dcs",
      );
    },
  );

  it("a name that is none is refused", async () => {
    const action = { http: "GET http://x/", headers: { "a b": "1" } };
    await expect(shown(action)).rejects.toThrow("cannot be the name of a header");
  });

  it("a body keeps the types of its values", async () => {
    const body = {
      n: "${{ input.n }}",
      list: ["${{ input.o }}", 1],
      no: "${{ input.none }}",
      t: "n=${{ input.n }}",
    };
    expect(await shown({ http: "POST http://x/", body }, { n: 1, o: { a: [true] } })).toMatchObject({
      body: { n: 1, list: [{ a: [true] }, 1], no: null, t: "n=1" },
    });
  });

  it("a secret that is not there is not sent as nothing", async () => {
    const action = { http: "POST http://x/", body: { token: "${{ secrets.TOKEN }}" } };
    await expect(shown(action)).rejects.toThrow("DCS_SECRET_TOKEN is not set");
  });

  it("an argument of a program holds no NUL", async () => {
    await expect(shown({ exec: ["x", "${{ input.a }}"] }, { a: "a\0b" })).rejects.toThrow("NUL");
  });
});

describe("what is shown", () => {
  const env = { DCS_SECRET_TOKEN: "tok/12345", ...SEALING };

  it("holds no secrets", async () => {
    const action = {
      http: "POST http://user:hunter22@x/${{ secrets.TOKEN }}",
      headers: {
        Authorization: "Bearer abcdefgh123",
        "X-Api-Key": "k-1",
        "x-note": "see ${{ secrets.TOKEN }}",
      },
      body: { card: "${{ input.card }}", all: "${{ toJSON(input) }}" },
    };
    const yaml = sagaOf(action, { input: { card: { secret: true } } });
    const { shown: given } = await prepared(calls, yaml, { input: { card: '4111"1111' }, env });
    expect(given).toEqual({
      http: "POST http://user:***@x/[redacted]",
      headers: { authorization: "[redacted]", "x-api-key": "[redacted]", "x-note": "see [redacted]" },
      body: { card: "[redacted]", all: expect.stringContaining("[redacted]") },
    });
    expect(JSON.stringify(given)).not.toMatch(/4111|1111|12345|hunter22/);
  });

  it("neither do errors", async () => {
    const action = { http: "GET http://${{ secrets.TOKEN }}/" };
    const failure = await prepared(calls, sagaOf(action), { env }).catch(String);
    expect(failure).toContain("cannot be the host");
    expect(failure).not.toContain("12345");
  });
});

describe("the hash of a request", () => {
  const http = "POST http://x/${{ key }}/${{ run }}";
  const body = { id: "${{ key }}", n: "${{ input.n }}" };
  const wish = { input: { n: 1 } };

  it("is the same for every run, generation and attempt", async () => {
    const first = await hash({ http, body }, wish);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash({ http, body }, { ...wish, runId: "run-2", generation: 2, attempt: 7 })).toBe(first);
    expect(await hash({ body: { n: body.n, id: body.id }, http }, wish)).toBe(first);
  });

  it.each<[what: string, action: object, wish: CallWish]>([
    ["an input", { http, body }, { input: { n: 2 } }],
    ["the type of an input", { http, body }, { input: { n: "1" } }],
    ["the address", { http: `${http}/x`, body }, wish],
    ["the method", { http: http.replace("POST", "PUT"), body }, wish],
    ["a header", { http, body, headers: { a: "b" } }, wish],
    ["no body", { http }, wish],
  ])("differs by %s", async (_what, action, other) => {
    expect(await hash(action, other)).not.toBe(await hash({ http, body }, wish));
  });

  it("does not differ by a credential that was renewed, nor by the key it is sealed with", async () => {
    const action = { http, headers: { authorization: "Bearer ${{ fromJSON(secrets.AUTH).token }}" } };
    const of = (token: string) => hash(action, { env: { DCS_SECRET_AUTH: JSON.stringify({ token }) } });
    expect(await of("one-token")).toBe(await of("two-token"));
  });

  it("differs by a secret input, and cannot be guessed from it without the key", async () => {
    const more = { input: { pin: { secret: true } } };
    const of = (pin: string, env: NodeJS.ProcessEnv) =>
      hash({ http: "POST http://x/", body: { pin: "${{ input.pin }}" } }, { input: { pin }, env }, more);
    expect(await of("1234", SEALING)).toBe(await of("1234", SEALING));
    expect(await of("1234", SEALING)).not.toBe(await of("1235", SEALING));
    expect(await of("1234", SEALING)).not.toBe(await of("1234", { DCS_SAGA_KEY: "cd".repeat(32) }));
  });

  it("of a program also counts what it reads on stdin, of a module not where it stands", async () => {
    const exec = { exec: ["x"] };
    expect(await hash(exec, { input: { a: 1 } })).not.toBe(await hash(exec, { input: { a: 2 } }));
    const module = { module: "./m.js", with: { a: 1 } };
    expect(await hash(module, { directory: "/one" })).toBe(await hash(module, { directory: "/two" }));
    expect(await hash(module)).not.toBe(await hash({ ...module, export: "other" }));
  });
});
