import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Certificates } from "../support/certificates.ts";
import { runDcs } from "../support/cli.ts";
import {
  type Expected,
  fails,
  type MatrixCommand,
  type Row,
  succeeds,
  TTL_MS,
} from "../support/fault-matrix.ts";
import { freePort } from "../support/free-port.ts";
import { FaultyProxy, type ProxyMode } from "../support/proxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";

/** Every command of locks against every fault of Redis: the documented status, in time, one error, nothing left behind. */

const ALL: readonly MatrixCommand[] = ["acquire", "guarded", "ls"];
const WRITES: readonly MatrixCommand[] = ["acquire", "guarded"];
const UNREACHABLE = { exit: 5, code: "STORE_UNREACHABLE" } as const;
const DENIED = { exit: 4, code: "PERMISSION_DENIED" } as const;

const certificates = new Certificates();
const servers: RedisServer[] = [];
let plain: RedisServer;

async function start(...args: readonly string[]): Promise<RedisServer> {
  const server = await startRedis(args);
  servers.push(server);
  return server;
}

beforeAll(async () => {
  // A replica need not wait for others to come.
  plain = await start("--repl-diskless-sync-delay", "0");
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  certificates[Symbol.dispose]();
});

const locks = (url: string): Row => ({ where: ["--locks", url] });

async function keys(server: RedisServer, password?: string): Promise<number> {
  const client = new Redis(server.port, "127.0.0.1", password === undefined ? {} : { password });
  const count = await client.dbsize();
  client.disconnect();
  return count;
}

it("nobody listens", async () => {
  const dead = await freePort();
  await fails(locks(`redis://127.0.0.1:${dead}`), ALL, { ...UNREACHABLE, says: /connect ECONNREFUSED/ });
});

it.each<[string, ProxyMode, number]>([
  ["is a black hole", "black-hole", 0],
  ["falls silent once connected", "black-hole", 1],
  ["loses every answer once connected", "drop-answers", 1],
])("a server that %s", async (_what, mode, after) => {
  await using proxy = await FaultyProxy.start(plain.port);
  Object.assign(proxy, { mode, after });
  const expected = { ...UNREACHABLE, says: /did not answer within 2000 ms/ };
  await fails(locks(`redis://127.0.0.1:${proxy.port}`), ALL, expected);
  await until(async () => (await keys(plain)) === 0);
});

it.each<ProxyMode>(["drop-answers", "black-hole"])(
  "a server that turns to %s in the middle",
  async (mode) => {
    const cut = async (after: number) => {
      await using proxy = await FaultyProxy.start(plain.port);
      Object.assign(proxy, { mode, after });
      const where = ["--timeout", "1s", "--json", "--locks", `redis://127.0.0.1:${proxy.port}`];
      const run = await runDcs(["lock", "acquire", `cut-${after}`, "--ttl", `${TTL_MS}ms`, ...where]);
      if (run.code === 0) return true;
      expect([run.code, run.json()["error"]]).toMatchObject([5, { code: "STORE_UNREACHABLE" }]);
      return false;
    };
    const taken = await Promise.all([1, 2, 3, 4, 5, 6].map(cut));
    expect(taken).toContain(false);
    // What the settlement could not reach, and what was taken, ends with its TTL.
    const client = new Redis(plain.port);
    const held = async () => (await client.keys("cut-*")).length;
    if (mode === "drop-answers") expect(await held()).toBeLessThanOrEqual(taken.filter(Boolean).length);
    await until(async () => (await held()) === 0, TTL_MS + 500);
    await client.flushall();
    client.disconnect();
  },
);

it("a wrong password, a user that is not there, and none where one is needed", async () => {
  const secured = await start(
    "--requirepass",
    "right-one",
    ..."--user app on >right-one ~* &* +@all".split(" "),
  );
  const at = (user: string): Row => ({
    ...locks(`redis://${user}127.0.0.1:${secured.port}`),
    secret: "wrong-one",
  });
  const refused: Expected = { ...DENIED, says: /refused access: WRONGPASS/ };
  await fails(at(":wrong-one@"), ALL, refused);
  await fails(at("app:wrong-one@"), ["acquire"], refused);
  await fails(at("nobody:wrong-one@"), ["acquire"], refused);
  await fails(at(""), ["acquire"], { ...DENIED, says: /wants a password, and the URL gives none/ });
  expect(await keys(secured, "right-one")).toBe(0);
});

it("an expired certificate, and one nobody vouches for", async () => {
  certificates.certificate("expired", "IP:127.0.0.1", -1);
  certificates.certificate("good", "IP:127.0.0.1", 2);
  const ca = certificates.path("ca.pem");
  const trusting = { NODE_EXTRA_CA_CERTS: ca };
  const serving = async (name: string) => {
    const files = [
      "--tls-cert-file",
      certificates.path(`${name}.pem`),
      "--tls-key-file",
      certificates.path(`${name}.key`),
    ];
    const port = await freePort();
    await start("--tls-port", String(port), ...files, "--tls-ca-cert-file", ca, "--tls-auth-clients", "no");
    return locks(`rediss://127.0.0.1:${port}`);
  };
  const expired = { ...(await serving("expired")), env: trusting };
  await fails(expired, ALL, { ...UNREACHABLE, says: /certificate has expired/ });
  const good = await serving("good");
  await fails(good, ["acquire"], { ...UNREACHABLE, says: /self-signed certificate in certificate chain/ });
  await succeeds({ ...good, env: trusting }, ["acquire", "ls"]);
});

it("a read-only replica: what writes fails, what reads does not", async () => {
  const replica = await start("--replicaof", "127.0.0.1", String(plain.port));
  const client = new Redis(replica.port);
  await until(async () => (await client.info("replication")).includes("master_link_status:up"), 20_000);
  client.disconnect();
  await fails(locks(replica.url), WRITES, { exit: 5, code: "STORE_UNWRITABLE", says: /read-only replica/ });
  await succeeds(locks(replica.url), ["ls"]);
  expect(await keys(plain)).toBe(0);
});

it.each<[string, readonly string[], Expected]>([
  [
    "no memory left",
    ["--maxmemory", "1", "--maxmemory-policy", "noeviction"],
    { exit: 5, code: "STORE_FULL", says: /no memory left/ },
  ],
  [
    "too few replicas",
    ["--min-replicas-to-write", "1"],
    {
      exit: 5,
      code: "STORE_UNWRITABLE",
      says: /takes no writes now: NOREPLICAS Not enough good replicas to write\./,
    },
  ],
])("a server with %s: what writes fails, what reads does not", async (_what, args, expected) => {
  const server = await start(...args);
  await fails(locks(server.url), WRITES, expected);
  await succeeds(locks(server.url), ["ls"]);
  expect(await keys(server)).toBe(0);
});

it("an evicting policy: the lock is granted, and `dcs doctor` says why it may be lost", async () => {
  const server = await start("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru");
  await succeeds(locks(server.url), ["acquire", "ls"]);
  const run = await runDcs(["doctor", "--json", "--locks", server.url]);
  expect(run.code).toBe(99);
  expect(run.json()).toMatchObject({
    schema: "dcs.error/1",
    error: { code: "DOCTOR_FAILED", details: { failed: ["redis eviction"] } },
    data: {
      locks: {
        grade: "efficiency only",
        reasons: expect.arrayContaining(["maxmemory-policy allkeys-lru can evict a held lock"]),
      },
    },
  });
});
