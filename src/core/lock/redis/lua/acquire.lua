-- Takes the lock, or a place in its queue. Idempotent: the same token again gets the same hold, or keeps its place.
-- KEYS: 1 lock (string: the token), 2 state (hash: fence, record), 3 queue (zset: token by arrival, µs),
--       4 places (hash: token -> "<deadline ms> <record JSON>"), 5 wake channel.
-- ARGV: 1 token, 2 TTL ms, 3 record JSON, 4 how long the place is kept without another call, ms; 0 takes no place.
-- Returns: {1, fence} held; {0, ms until the lock ends by itself (-1 never, -2 free), its value, fence, record} held by
--          another; {-1} the key is no lock (not a string).
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'string' then return {-1} end
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return {1, tonumber(redis.call('HGET', KEYS[2], 'fence'))}
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local head = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
while head do
  local place = redis.call('HGET', KEYS[4], head)
  if head == ARGV[1] or (place and tonumber(string.match(place, '^%d+')) > now / 1000) then break end
  redis.call('ZREM', KEYS[3], head)
  redis.call('HDEL', KEYS[4], head)
  head = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
end
if kind == 'none' and (not head or head == ARGV[1]) then
  local last = redis.call('HGET', KEYS[2], 'fence')
  local fence = math.max(tonumber(last or 0), now) + 1
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', fence), 'record', ARGV[3])
  -- Lost counters are no harm, because a fence is never below the time; so names that nobody uses go away.
  if not last then redis.call('EXPIRE', KEYS[2], 604800) end
  if head then
    redis.call('ZREM', KEYS[3], ARGV[1])
    redis.call('HDEL', KEYS[4], ARGV[1])
  end
  return {1, fence}
end
if tonumber(ARGV[4]) > 0 then
  redis.call('ZADD', KEYS[3], 'NX', string.format('%.0f', now), ARGV[1])
  redis.call('HSET', KEYS[4], ARGV[1], string.format('%.0f %s', now / 1000 + ARGV[4], ARGV[3]))
  -- When every waiter has died, so does the queue.
  redis.call('PEXPIRE', KEYS[3], ARGV[4] * 10)
  redis.call('PEXPIRE', KEYS[4], ARGV[4] * 10)
end
-- Free, and the first in the queue has not noticed: say it again.
if kind == 'none' then redis.call('PUBLISH', KEYS[5], head) end
local state = redis.call('HMGET', KEYS[2], 'fence', 'record')
local value = redis.call('GET', KEYS[1])
return {0, redis.call('PTTL', KEYS[1]), value or '', state[1] or '', state[2] or ''}
