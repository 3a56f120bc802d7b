-- Takes the lock for one alone, or a place in its queue. Idempotent: the same token again gets the same hold, or keeps its
-- place.
-- KEYS: 1 lock (string: the token, or the mode of several holders), 2 state (hash: fence, record, until), 3 queue (zset:
--       token by arrival, µs), 4 places (hash: token -> "<deadline ms> <told ms> <mode> <record JSON>"), 5 wake
--       channel.
-- ARGV: 1 token, 2 TTL ms, 3 record JSON, 4 how long the place is kept without another call, ms; 0 takes no place, -1 takes
--       none and passes those who wait.
-- Returns: {1, fence} held; {0, ms until the lock ends by itself (-1 never) or, when it is free, until those whose turn it
--          is are passed (-2 nobody's), its value, fence, record} held by another; {-1} the key is no lock (not a string);
--          {-2} it has slots.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'string' then return {-1} end
local held = kind == 'string' and redis.call('GET', KEYS[1]) or ''
if held == ARGV[1] then
  return {1, tonumber(redis.call('HGET', KEYS[2], 'fence'))}
end
if string.sub(held, 1, 10) == 'dcs:slots=' then return {-2} end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local from = 0
local head = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
while head and head ~= ARGV[1] do
  local deadline, told = string.match(redis.call('HGET', KEYS[4], head) or '', '^(%d+) (%d+)')
  if deadline and tonumber(deadline) > now / 1000 then
    -- As isPassed in lib.lua.
    if told == '0' or told + 1000 > now / 1000 then break end
    from = from + 1
  else
    redis.call('ZREM', KEYS[3], head)
    redis.call('HDEL', KEYS[4], head)
  end
  head = redis.call('ZRANGE', KEYS[3], from, from)[1]
end
if kind == 'none' and (not head or head == ARGV[1] or ARGV[4] == '-1') then
  local last = redis.call('HMGET', KEYS[2], 'fence', 'until')
  local fence = math.max(tonumber(last[1] or 0), now) + 1
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', fence), 'record', ARGV[3])
  -- As keepState in lib.lua.
  if tonumber(last[2] or 0) <= now / 1000 + ARGV[2] + 302400000 then
    redis.call('HSET', KEYS[2], 'until', string.format('%.0f', now / 1000 + ARGV[2] + 604800000))
    redis.call('PEXPIRE', KEYS[2], string.format('%.0f', ARGV[2] + 604800000))
  end
  if head == ARGV[1] then
    redis.call('ZREM', KEYS[3], ARGV[1])
    redis.call('HDEL', KEYS[4], ARGV[1])
  end
  return {1, fence}
end
if tonumber(ARGV[4]) > 0 then
  redis.call('ZADD', KEYS[3], 'NX', string.format('%.0f', now), ARGV[1])
  redis.call('HSET', KEYS[4], ARGV[1], string.format('%.0f 0 exclusive %s', now / 1000 + ARGV[4], ARGV[3]))
  -- When every waiter has died, so does the queue.
  redis.call('PEXPIRE', KEYS[3], ARGV[4] * 10)
  redis.call('PEXPIRE', KEYS[4], ARGV[4] * 10)
end
lib()
local ends = redis.call('PTTL', KEYS[1])
-- Free, and the first in the queue have not noticed: say it again.
if kind == 'none' then
  local next, patience = turns(KEYS[3], KEYS[4], '', 0, now / 1000)
  redis.call('PUBLISH', KEYS[5], next)
  ends = patience and math.ceil(patience) or -2
end
local state = redis.call('HMGET', KEYS[2], 'fence', 'record')
return {0, ends, held, state[1] or '', state[2] or ''}
