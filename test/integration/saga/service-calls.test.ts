import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Registrar } from "../../../src/core/registry/registrar.ts";
import { openStore } from "../../../src/core/store/open-store.ts";
import type { Store } from "../../../src/core/store/store.ts";
import { ListFiles } from "../../../src/core/traffic/list-files.ts";
import { ServiceClient } from "../../../src/core/traffic/service-client.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { answer, HttpStub } from "../../support/http-stub.ts";
import { until } from "../../support/until.ts";

const HOLDER = { host: "elsewhere", pid: 1, command: "test" };

let dir: string;
let store: Store;
let client: ServiceClient;
let open: AsyncDisposable[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "dcs-service-"));
  store = await openStore("embedded:", { timeoutMs: 5000, stateDir: dir });
  client = new ServiceClient({ store: async () => store, clock: systemClock });
  open = [store, client];
});
afterEach(async () => {
  for (const one of open.toReversed()) await one[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function stub(body: string): Promise<HttpStub> {
  const made = await HttpStub.start(answer(200, body));
  open.push(made);
  return made;
}

async function register(endpoint: string, weight = 1): Promise<Registrar> {
  const spec = { service: "payment", endpoint, weight, version: null, zone: null, tags: [] };
  const instances = [{ spec, checked: false }];
  const options = { store, clock: systemClock, holder: HOLDER, ttlMs: 5000, instances, onEvent: () => {} };
  const registrar = await Registrar.start(options);
  open.push(registrar);
  return registrar;
}

async function get(url: string, using = client, timeoutMs = 3000) {
  const { signal } = new AbortController();
  return using.send({ method: "GET", url, headers: {}, body: null, timeoutMs, signal });
}

async function bodyOf(url = "service://payment/v1/charges?a=1"): Promise<string> {
  const answered = await get(url);
  return answered.kind === "answer" ? answered.body.toString() : answered.kind;
}

it("asks the instances of a service in turn, by their weights, and keeps the path", async () => {
  const [a, b] = [await stub("a"), await stub("b")];
  await register(a.endpoint, 3);
  await register(b.endpoint, 1);
  const bodies: string[] = [];
  for (let n = 0; n < 8; n++) bodies.push(await bodyOf());
  expect(bodies.toSorted().join("")).toBe("aaaaaabb");
  expect(a.requests[0]?.url).toBe("/v1/charges?a=1");
  expect(await get("service://payment")).toMatchObject({ kind: "answer", status: 200 });
});

it("follows the registry: none, then one, then another", async () => {
  expect(await get("service://payment/")).toEqual({
    kind: "not-sent",
    message: "no ready instance of payment is registered",
  });
  const [a, b] = [await stub("a"), await stub("b")];
  const first = await register(a.endpoint);
  await until(async () => (await bodyOf()) === "a");
  await register(b.endpoint);
  await first[Symbol.asyncDispose]();
  await until(async () => (await bodyOf()) === "b");
});

it.each([
  ["service://pay%20ment/x", /cannot be a service name/],
  ["service:///x", /cannot be a service name: it is empty/],
  ["ftp://payment/x", /not an http, https or service address/],
  ["nonsense", /not an http, https or service address/],
])("%s is not sent", async (url, message) => {
  expect(await get(url)).toMatchObject({ kind: "not-sent", message: expect.stringMatching(message) });
});

it("an instance that is gone was not sent to", async () => {
  const gone = await stub("gone");
  const { endpoint } = gone;
  await gone[Symbol.asyncDispose]();
  open.splice(open.indexOf(gone), 1);
  await register(endpoint);
  expect(await get("service://payment/")).toMatchObject({
    kind: "not-sent",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

it("says when all instances are drained", async () => {
  await register((await stub("a")).endpoint, 0);
  expect(await get("service://payment/")).toMatchObject({
    kind: "not-sent",
    message: "all 1 instances of payment are drained (weight 0)",
  });
});

it("a store that cannot be opened is tried again by the next request", async () => {
  const a = await stub("a");
  await register(a.endpoint);
  let fails = true;
  const later = new ServiceClient({
    store: async () => {
      if (fails) throw new Error("the store is away");
      return store;
    },
    clock: systemClock,
  });
  open.push(later);
  expect(await get("service://payment/", later)).toMatchObject({
    kind: "not-sent",
    message: expect.stringContaining("the store is away"),
  });
  fails = false;
  expect(await get("service://payment/", later)).toMatchObject({ kind: "answer" });
});

it("a store that does not answer costs no more than the request's time", async () => {
  const never = new ServiceClient({ store: () => new Promise(() => {}), clock: systemClock });
  open.push(never);
  expect(await get("service://payment/", never, 100)).toEqual({
    kind: "not-sent",
    message: "the instances of payment were not known within 100 ms",
  });
});

it("keeps the list on disk for the next process", async () => {
  const a = await stub("a");
  await register(a.endpoint);
  const files = new ListFiles({ stateDir: dir, store: store.url });
  const keeping = new ServiceClient({ store: async () => store, files, clock: systemClock });
  expect(await get("service://payment/", keeping)).toMatchObject({ kind: "answer" });
  await keeping[Symbol.asyncDispose]();
  const kept = await files.read("payment");
  expect(kept?.entries.map(({ instance }) => instance.endpoint)).toEqual([a.endpoint]);
});
