import { hashTag, tagOfSlot } from "../../redis/key-slot.ts";

/** Where a lock stands on Redis. The key of the lock is its name, so that other tools meet it; the rest is dcs's own. */
export interface RedisLockKeys {
  /**
   * String: the token; the plain `SET key token NX PX` of redlock and of everybody. While several hold, their mode
   * (`modeText`), which is no token, so that everybody else finds the key taken.
   */
  readonly lock: string;
  /** Sorted set: the tokens of several holders by deadline, ms. */
  readonly holders: string;
  /** Hash: token → fence and record of one of several holders. */
  readonly records: string;
  /**
   * Hash: `fence`, the last one given; `record`, JSON of the present or last holder that holds alone; `until`, how long
   * the hash is kept, ms.
   */
  readonly state: string;
  /** Sorted set: waiting tokens by arrival. */
  readonly queue: string;
  /** Hash: token → until when the place is kept, when its waiter was told, the mode, and the waiter's record. */
  readonly places: string;
  /** Hash: token of the hold that is asked → JSON of the request. */
  readonly ask: string;
  /** Hash: number of the grant → JSON of a hold that was. */
  readonly history: string;
  /** Channel: the tokens whose turn it is, with spaces between. */
  readonly wake: string;
}

const PREFIX = "dcs:lock:{";

export function redisLockKeys(name: string): RedisLockKeys {
  const own = `${PREFIX}${slotAndName(name)}:`;
  return {
    lock: name,
    holders: `${own}holders`,
    records: `${own}records`,
    state: `${own}state`,
    queue: `${own}queue`,
    places: `${own}places`,
    ask: `${own}ask`,
    history: `${own}history`,
    wake: `${own}wake`,
  };
}

/** The keys that inspect.lua reads. */
export function inspectKeys(keys: RedisLockKeys): readonly string[] {
  return [keys.lock, keys.state, keys.queue, keys.places, keys.holders, keys.records];
}

/** Matches the state keys of all locks. */
export const STATE_PATTERN = `${PREFIX}*:state`;

/** The lock's name in a state key; null for another key. */
export function nameOfStateKey(key: string): string | null {
  const [, tag = "", name = ""] = /^dcs:lock:\{([^}]+)\}(.*):state$/s.exec(key) ?? [];
  return tag === "" ? null : name === "" ? tag : name;
}

/**
 * What makes dcs's own keys of a lock share the slot of its name in a Redis Cluster: `name}`; for a name that the rules of
 * hash tags cut, `tag}name` with a tag of the same slot.
 */
function slotAndName(name: string): string {
  if (!name.includes("}")) return `${name}}`;
  const tag = hashTag(name);
  return `${tag.includes("}") ? tagOfSlot(name) : tag}}${name}`;
}
