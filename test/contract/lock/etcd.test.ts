import { afterAll, beforeAll } from "vitest";
import { openLocks } from "../../../src/core/lock/open-locks.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { lockContract } from "./lock-contract.ts";

let server: EtcdServer;
let spaces = 0;

beforeAll(async () => {
  server = await EtcdServer.start();
});

afterAll(() => server.stop());

lockContract("etcd", async () => {
  const url = `${server.url}/space-${++spaces}`;
  return {
    open: () => openLocks({ url, timeoutMs: 10_000, stateDir: "/nowhere" }),
    destroy: async () => {},
  };
});
