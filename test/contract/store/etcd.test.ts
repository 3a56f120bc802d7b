import { afterAll, beforeAll } from "vitest";
import { EtcdServer } from "../../support/etcd.ts";
import { storeContract } from "./store-contract.ts";

let server: EtcdServer;
let spaces = 0;

beforeAll(async () => {
  server = await EtcdServer.start();
});

afterAll(() => server.stop());

// Each test has the server to itself, because it has a prefix to itself.
storeContract("etcd", async () => {
  const prefix = `/space-${++spaces}`;
  return { open: () => server.open(prefix), destroy: async () => {}, expiryLagMs: 1500 };
});
