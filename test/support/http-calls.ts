import { afterEach, beforeEach } from "vitest";
import type { ActionCaller } from "../../src/core/saga/call/action-caller.ts";
import type { Outcome } from "../../src/core/saga/engine/event.ts";
import { type Behaviour, HttpStub } from "./http-stub.ts";
import { type CallWish, caller, prepared, sagaOf, send } from "./saga-call.ts";

/** What tests of HTTP calls have for each test. */
export interface HttpCalls {
  readonly calls: ActionCaller;
  /** Disposed of after the test, the last first. */
  readonly open: AsyncDisposable[];
  server(behave: Behaviour): Promise<HttpStub>;
  /** One call to it. */
  post(stub: HttpStub, wish?: CallWish, timeoutMs?: number): Promise<Outcome>;
}

/** A caller for each test of the file. */
export function httpCallsPerTest(): HttpCalls {
  let calls: ActionCaller;
  let open: AsyncDisposable[];
  beforeEach(() => {
    calls = caller();
    open = [calls];
  });
  afterEach(async () => {
    for (const one of open.toReversed()) await one[Symbol.asyncDispose]();
  });
  return {
    get calls() {
      return calls;
    },
    get open() {
      return open;
    },
    async server(behave) {
      const stub = await HttpStub.start(behave);
      open.push(stub);
      return stub;
    },
    async post(stub, wish = {}, timeoutMs = 5000) {
      const yaml = sagaOf({ http: `POST ${stub.url}/charges`, body: { amount: 5 } });
      return send(await prepared(calls, yaml, wish), timeoutMs);
    },
  };
}

/** The answers one after the other, the last one again and again. */
export function inTurn(...answers: readonly Behaviour[]): Behaviour {
  let next = 0;
  return (...given) => answers[Math.min(next++, answers.length - 1)]?.(...given);
}
