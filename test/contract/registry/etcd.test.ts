import { afterAll, beforeAll } from "vitest";
import { EtcdServer } from "../../support/etcd.ts";
import { registryContract } from "./registry-contract.ts";

let server: EtcdServer;
let spaces = 0;

beforeAll(async () => {
  server = await EtcdServer.start();
});

afterAll(() => server.stop());

registryContract("etcd", async () => {
  const prefix = `/space-${++spaces}`;
  return { open: () => server.open(prefix), destroy: async () => {} };
});
