import { expect, it } from "vitest";
import { HttpConnections } from "../../../src/core/traffic/http-connections.ts";
import { exchange } from "../../../src/core/traffic/http-exchange.ts";
import { type Clock, systemClock } from "../../../src/core/util/clock.ts";
import { answer, HttpStub } from "../../support/http-stub.ts";

it("a process that stood still past the deadline sends nothing when it goes on", async () => {
  await using stub = await HttpStub.start(answer(200));
  await using connections = await HttpConnections.open({ connections: 1, ca: undefined });
  // As after SIGCONT: the time is over, and the connection is there before the timer has had its turn.
  let now = 0;
  const clock: Clock = { ...systemClock, monotonic: () => now, timer: () => () => {} };
  const { signal } = new AbortController();
  const request = { method: "POST", url: stub.url, headers: {}, body: "{}", timeoutMs: 1000, signal };
  const { dispatcher } = connections;
  const parts = { dispatcher, url: new URL(stub.url), clock, maxBodyBytes: 1024 };
  const late = exchange(request, parts);
  now = 1001;
  expect(await late).toMatchObject({
    kind: "not-sent",
    message: expect.stringContaining("no connection in time; nothing was sent"),
  });
  expect(stub.requests).toHaveLength(0);
  expect(await exchange(request, parts)).toMatchObject({ kind: "answer", status: 200 });
  expect(stub.requests).toHaveLength(1);
});
