import { DcsError } from "../../errors.ts";
import { parseRedisUrl, type RedisAddress } from "../../lock/redis/redis-url.ts";
import { systemClock } from "../../util/clock.ts";
import { type Examination, type Finding, ok, unknown, warn } from "../check.ts";
import { isLoopback } from "../host.ts";
import { clockDifference, latencyOf } from "../measures.ts";
import { examineCommands, redisCli } from "./redis-commands.ts";
import { readRedisFacts } from "./redis-facts.ts";
import { RedisProbe } from "./redis-probe.ts";
import { examineFacts } from "./redis-settings.ts";

/** Looks at the Redis server that keeps the locks. */
export async function examineRedis({ url, timeoutMs, signal }: Examination): Promise<readonly Finding[]> {
  const address = parseRedisUrl(url);
  await using probe = await open(address, timeoutMs, signal);
  const facts = await readRedisFacts(probe);
  const clock = await examineClock(probe);
  const latency = await latencyOf(systemClock, () => probe.ask("PING"));
  return [
    ok("reachable", `connected${address.username === null ? "" : ` as ${address.username}`}`),
    latency,
    clock,
    ...examineFacts(facts, address),
    await examineCommands(probe, address),
    ...examineAccess(address),
  ];
}

async function open(address: RedisAddress, timeoutMs: number, signal: AbortSignal): Promise<RedisProbe> {
  try {
    const probe = await RedisProbe.open(address, timeoutMs, signal);
    await probe.hello();
    return probe;
  } catch (error) {
    if (!(error instanceof DcsError)) throw error;
    throw new DcsError(error.code, error.message, { cause: error, hint: `${redisCli(address)} PING` });
  }
}

async function examineClock(probe: RedisProbe): Promise<Finding> {
  const sent = systemClock.now();
  const time = await probe.ask("TIME");
  const received = systemClock.now();
  if (!Array.isArray(time)) return unknown("clock", "the server does not allow TIME");
  return clockDifference(Number(time[0]) * 1000 + Number(time[1]) / 1000, sent, received);
}

function examineAccess(address: RedisAddress): readonly Finding[] {
  if (isLoopback(address.host)) return [ok("access", "on loopback")];
  const url = (scheme: string) =>
    `export DCS_LOCKS=${scheme}://USER:PASSWORD@${address.host}:${address.port}`;
  return [
    address.tls
      ? ok("tls", "on")
      : warn("tls", "off: tokens and passwords can be read on the way", url("rediss")),
    address.password === null
      ? warn("auth", "no password is used: whoever reaches the port can break every lock", url("rediss"))
      : ok("auth", "a password is used"),
  ];
}
