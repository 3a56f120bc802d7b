import { afterAll, beforeAll, expect, it } from "vitest";
import { FAREWELL_MS } from "../../src/core/registry/farewells.ts";
import { LOCK_HISTORY_PREFIX } from "../../src/core/store/keys.ts";
import { Certificates } from "../support/certificates.ts";
import { runDcs } from "../support/cli.ts";
import { EtcdServer } from "../support/etcd.ts";
import { expectWithin } from "../support/expect-within.ts";
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
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import type { DcsExit, RunningDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

/** Every command against every fault of etcd: the documented status, in time, one error, and nothing left behind. */

const PASSWORD = "s3cret-of-root";
const ALL: readonly MatrixCommand[] = ["acquire", "guarded", "ls", "services", "register"];
/** A write and a stay: where how a fault is told from others is in question, and not what each command does with it. */
const SOME: readonly MatrixCommand[] = ["acquire", "register"];
const UNREACHABLE = { exit: 5, code: "STORE_UNREACHABLE" } as const;
const DENIED = { exit: 4, code: "PERMISSION_DENIED" } as const;

const certificates = new Certificates();
const box = sandboxPerTest();
let plain: EtcdServer;
let users: EtcdServer;
let expired: EtcdServer;
let full: EtcdServer;

beforeAll(async () => {
  certificates.certificate("expired", "IP:127.0.0.1", -1);
  const tls = {
    ca: certificates.path("ca.pem"),
    cert: certificates.path("expired.pem"),
    key: certificates.path("expired.key"),
  };
  [plain, users, expired, full] = await Promise.all([
    EtcdServer.start(),
    EtcdServer.start(),
    EtcdServer.start({ tls }),
    EtcdServer.start({ args: ["--quota-backend-bytes=1000000"] }),
  ]);
  users.mustCtl("user", "add", `root:${PASSWORD}`);
  users.mustCtl("user", "grant-role", "root", "root");
  users.mustCtl("auth", "enable");
  await until(() => full.ctl("put", "big", "x".repeat(100_000)).status !== 0);
  await until(() => full.ctl("alarm", "list").stdout.includes("NOSPACE"));
});

afterAll(async () => {
  await Promise.all([plain, users, expired, full].map((server) => server?.stop()));
  certificates[Symbol.dispose]();
});

function store(url: string): Row {
  return { where: ["--store", url] };
}

/**
 * Keys and leases there are, in words; `user` as etcdctl takes it. Without farewells, known by their TTL: the word of a
 * registrant that ended well, which is meant to outlast it, or what a cut left of one. Nor the history of locks.
 */
function left(server: EtcdServer, ...user: readonly string[]): string {
  const ctl = (...args: readonly string[]) => server.mustCtl(...user, ...args).trim();
  const [, ...all] = ctl("lease", "list").split(/\s*\n\s*/);
  const farewell = `TTL(${FAREWELL_MS / 1000}s)`;
  const words = all.filter((id) => ctl("lease", "timetolive", id).includes(farewell));
  const keys = ctl("get", "", "--from-key", "--keys-only", "--limit=20").split(/\s+/);
  const meant = (one: string) => one === "" || one === "big" || one.startsWith(LOCK_HISTORY_PREFIX);
  const others = [...keys, ...all].filter((one) => !meant(one));
  return others.filter((one) => !words.some((id) => one.includes(id))).join(" ");
}

const NOTHING = "";
const nothingLeft = (server: EtcdServer, ...user: readonly string[]) =>
  expect(left(server, ...user)).toBe(NOTHING);

it("nobody listens", async () => {
  const dead = await freePort();
  await fails(store(`etcd://127.0.0.1:${dead}`), ALL, { ...UNREACHABLE, says: /connect ECONNREFUSED/ });
});

// After one piece of the server's answer the channel is ready, after more a first call was answered.
it.each<[string, ProxyMode, number]>([
  ["is a black hole", "black-hole", 0],
  ["falls silent once connected", "black-hole", 1],
  ["loses every answer once connected", "drop-answers", 1],
])("an endpoint that %s", async (_what, mode, after) => {
  await using proxy = await FaultyProxy.start(plain.port);
  Object.assign(proxy, { mode, after });
  const expected: Expected = { ...UNREACHABLE, says: /no answer within 2s/ };
  await fails(store(`etcd://127.0.0.1:${proxy.port}`), after === 0 ? ALL : ["guarded", "services"], expected);
  await until(() => left(plain) === NOTHING);
});

it.each<ProxyMode>(["drop-answers", "black-hole"])(
  "a server that turns to %s in the middle",
  async (mode) => {
    await Promise.all([
      ...[2, 3, 4, 5, 6].map((after) => cutAcquire(mode, after)),
      ...[2, 3, 5].map((after) => cutRegister(mode, after)),
    ]);
    // Whoever could not tell the server that it gave up leaves it to the TTL, and etcd to the second after.
    const begin = performance.now();
    await until(() => left(plain) === NOTHING);
    if (mode === "drop-answers") expectWithin(performance.now() - begin, 1500);
  },
);

async function cutAcquire(mode: ProxyMode, after: number): Promise<void> {
  await using proxy = await FaultyProxy.start(plain.port);
  Object.assign(proxy, { mode, after });
  const where = (url: string) => ["--timeout", "1s", "--json", "--store", url];
  const words = ["lock", "acquire", `cut-${after}`, "--ttl", `${TTL_MS}ms`];
  const run = await runDcs([...words, ...where(`etcd://127.0.0.1:${proxy.port}`)]);
  if (run.code !== 0) {
    expect([run.code, run.json()["error"]]).toMatchObject([5, { code: "STORE_UNREACHABLE" }]);
    return;
  }
  const { token } = run.json()["data"] as { token: string };
  const release = ["lock", "release", `cut-${after}`, "--token", token, ...where(plain.url)];
  // Released, or ended by its TTL meanwhile.
  expect([0, 3]).toContain((await runDcs(release)).code);
}

async function cutRegister(mode: ProxyMode, after: number): Promise<void> {
  await using proxy = await FaultyProxy.start(plain.port);
  Object.assign(proxy, { mode, after });
  const words = ["register", "web", "--endpoint", `10.0.0.${after}:80`, "--ttl", `${TTL_MS}ms`, "--json"];
  const url = `etcd://127.0.0.1:${proxy.port}`;
  const web = box.start(...words, "--timeout", "1s", "--store", url);
  const registered = until(() => web.stdout().includes('"registered"'), 20_000);
  const { code, stdout } = await Promise.race([web.done, registered.then(() => stopped(web))]);
  if (code === 0) return;
  expect(code).toBe(5);
  expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
    error: { code: "STORE_UNREACHABLE" },
  });
}

function stopped(dcs: RunningDcs): Promise<DcsExit> {
  dcs.process.kill("SIGTERM");
  return dcs.done;
}

it.each<[string, string, Expected]>([
  ["a wrong password", "root:wrong-one@", { ...DENIED, says: /does not accept the password of user root/ }],
  ["a user that is not there", "nobody:wrong-one@", { ...DENIED, says: /password of user nobody/ }],
  ["no user where one is needed", "", { ...DENIED, says: /refuses access to a client without a user/ }],
])("%s", async (_what, user, expected) => {
  await fails({ ...store(`etcd://${user}${users.endpoint}`), secret: "wrong-one" }, SOME, expected);
  nothingLeft(users, `--user=root:${PASSWORD}`);
});

it("an expired certificate", async () => {
  const url = `${expired.url}?ca=${certificates.path("ca.pem")}`;
  await fails(store(url), SOME, { ...UNREACHABLE, says: /certificate has expired/ });
});

it("a server out of its quota: what writes fails, what reads does not", async () => {
  const expected = { exit: 5, code: "STORE_FULL", says: /over its space quota/ };
  await fails(store(full.url), ["acquire", "guarded", "register"], expected);
  await succeeds(store(full.url), ["ls", "services"]);
  nothingLeft(full);
});

it("two dead endpoints of three: nothing is noticed", async () => {
  await using hole = await FaultyProxy.start(plain.port);
  hole.mode = "black-hole";
  const url = `etcd://127.0.0.1:${await freePort()},127.0.0.1:${hole.port},${plain.endpoint}`;
  await succeeds(store(url), ["acquire", "ls", "services"]);
  await until(() => left(plain) === NOTHING);
});
