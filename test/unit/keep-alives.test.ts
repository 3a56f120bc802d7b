import { EventEmitter } from "node:events";
import { beforeEach, describe, expect, it } from "vitest";
import { KeepAlives } from "../../src/core/store/etcd/keep-alives.ts";
import type { RpcStream } from "../../src/core/store/etcd/rpc.ts";
import { GRPC, RpcFailure } from "../../src/core/store/etcd/rpc-failure.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** The client's end of a stream, and what was written to it. */
class Wire extends EventEmitter {
  readonly written: string[] = [];
  isCancelled = false;

  write({ ID }: { readonly ID: string }): void {
    this.written.push(ID);
  }

  cancel(): void {
    this.isCancelled = true;
    this.emit("error", new Error("cancelled"));
  }

  answer(ID: string, TTL = "30"): void {
    this.emit("data", { ID, TTL });
  }
}

describe("renewals over streams that stay open", () => {
  let clock: FakeClock;
  let wires: Wire[];
  let renewals: KeepAlives;

  beforeEach(() => {
    clock = new FakeClock();
    wires = [];
    renewals = new KeepAlives({
      endpoint: "here",
      clock,
      open: () => {
        const wire = new Wire();
        wires.push(wire);
        return wire as unknown as RpcStream<"leaseKeepAlive">;
      },
      failure: (error) => new RpcFailure("here", GRPC.unavailable, String(error)),
    });
  });

  function ask(id: string, token: string | null = null) {
    const said: string[] = [];
    const giveUp = renewals.send(id, token, {
      resolve: ({ TTL }) => said.push(TTL),
      reject: ({ message }) => said.push(message),
    });
    return { said, giveUp };
  }

  it("use a stream again once it has answered, and another while it has not", () => {
    const first = ask("1");
    wires[0]?.answer("1", "10");
    expect(first.said).toEqual(["10"]);
    ask("2");
    expect(wires).toHaveLength(1);
    ask("3");
    expect(wires.map(({ written }) => written)).toEqual([["1", "2"], ["3"]]);
  });

  it("queue behind one another when there are enough streams", () => {
    const asked = Array.from({ length: 40 }, (_, i) => ask(String(i)));
    expect(wires).toHaveLength(16);
    for (const wire of wires) for (const id of wire.written) wire.answer(id, id);
    expect(asked.map(({ said }) => said)).toEqual(asked.map((_, i) => [String(i)]));
  });

  it("do not take the answer to an earlier question for that to a later one", () => {
    const early = ask("1");
    early.giveUp(false);
    const late = ask("1");
    wires[0]?.answer("1", "10");
    expect([early.said, late.said]).toEqual([[], []]);
    wires[1]?.answer("1", "20");
    expect(late.said).toEqual(["20"]);
  });

  it("are told at once when their stream is silent, fails or ends, and the next gets a new one", () => {
    const [silent, other] = [ask("1"), ask("2")];
    silent.giveUp(true);
    expect(wires[0]?.isCancelled).toBe(true);
    expect(other.said).toEqual([]);
    wires[1]?.emit("error", new Error("broken"));
    expect(other.said).toEqual(["Error: broken"]);
    const last = ask("3");
    wires[2]?.emit("end");
    expect(last.said).toEqual(["the server ended the stream"]);
    ask("4");
    expect(wires).toHaveLength(4);
  });

  it("avoid a stream that has not answered for a while, and one with another token", async () => {
    for (let i = 0; i < 16; i++) ask(String(i));
    await clock.advance(101);
    ask("slow");
    expect(wires).toHaveLength(17);
    ask("token", "t");
    expect(wires).toHaveLength(18);
  });

  it("end streams that are not used", async () => {
    ask("1");
    wires[0]?.answer("1");
    await clock.advance(1500);
    ask("2");
    wires[0]?.answer("2");
    await clock.advance(1500);
    expect(wires[0]?.isCancelled).toBe(false);
    await clock.advance(1000);
    expect(wires[0]?.isCancelled).toBe(true);
    ask("3");
    expect(wires).toHaveLength(2);
    renewals.close();
    expect(wires[1]?.isCancelled).toBe(true);
  });
});
