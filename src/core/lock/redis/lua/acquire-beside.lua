-- Takes the lock beside others who hold it in the same mode, or a place in its queue. Idempotent, as acquire.lua.
-- KEYS: 1 lock, 2 state, 3 queue, 4 places, 5 wake channel, all as in acquire.lua, 6 holders (zset: token by deadline, ms),
--       7 records (hash: token -> "<fence> <record JSON>").
-- ARGV: 1 token, 2 TTL ms, 3 record JSON, 4 how long the place is kept, ms, as in acquire.lua, 5 the mode, which is also the
--       value of the lock's key while it is held so: `dcs:shared` or `dcs:slots=N`.
-- Returns: {1, fence} held; {0, ms until it may be another's turn (-1 never, -2 free)} held by others; {-1} the key is no
--          lock; {-2} held, or awaited, in a mode that does not go with this one.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'string' then return {-1} end
lib()
-- '' when it is free; a key without a value is another tool's.
local held = kind == 'string' and redis.call('GET', KEYS[1]) or ''
if kind == 'string' and held == '' then held = '?' end
local token, mode = ARGV[1], ARGV[5]
local isShared = mode == 'dcs:shared'
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)
local isBeside = held == mode
if isBeside then
  reap(KEYS[6], KEYS[7], now)
  if redis.call('ZSCORE', KEYS[6], token) then
    return {1, tonumber(string.match(redis.call('HGET', KEYS[7], token) or '', '^%d+') or 0)}
  end
elseif held ~= '' and (not isShared or string.sub(held, 1, 10) == 'dcs:slots=') then
  return {-2}
end
local room = 0
if held == '' then
  room = isShared and math.huge or tonumber(string.match(mode, '%d+$'))
elseif isBeside then
  room = roomOf(held, KEYS[6])
end
-- Each live waiter before this one takes from the room, and one of another mode takes all of it.
local isFirst = ARGV[4] == '-1'
local from = 0
local isNext = true
while room > 0 and not isFirst do
  local before = redis.call('ZRANGE', KEYS[3], from, from)[1]
  if not before or before == token then break end
  local deadline, asked, told = readPlace(redis.call('HGET', KEYS[4], before))
  if deadline <= now then
    redis.call('ZREM', KEYS[3], before)
    redis.call('HDEL', KEYS[4], before)
  elseif isPassed(told, now) then
    from = from + 1
  elseif asked == mode then
    room = room - 1
    from = from + 1
    isNext = false
  elseif held == '' and isNext and not (isShared and asked == 'exclusive') then
    return {-2}
  else
    room = 0
  end
end
if room > 0 then
  local last = redis.call('HMGET', KEYS[2], 'fence', 'until')
  local fence = math.max(tonumber(last[1] or 0), us) + 1
  -- Whoever is still said to hold lost the lock with its key.
  if held == '' then
    redis.call('DEL', KEYS[6], KEYS[7])
    redis.call('SET', KEYS[1], mode)
  end
  redis.call('ZADD', KEYS[6], string.format('%.0f', now + ARGV[2]), token)
  redis.call('HSET', KEYS[7], token, string.format('%.0f %s', fence, ARGV[3]))
  fit(KEYS[1], KEYS[6], KEYS[7], now)
  redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', fence))
  keepState(KEYS[2], ARGV[2], now, last[2])
  redis.call('ZREM', KEYS[3], token)
  redis.call('HDEL', KEYS[4], token)
  return {1, fence}
end
if tonumber(ARGV[4]) > 0 then
  redis.call('ZADD', KEYS[3], 'NX', string.format('%.0f', us), token)
  redis.call('HSET', KEYS[4], token, string.format('%.0f 0 %s %s', now + ARGV[4], mode, ARGV[3]))
  redis.call('PEXPIRE', KEYS[3], ARGV[4] * 10)
  redis.call('PEXPIRE', KEYS[4], ARGV[4] * 10)
end
-- There is room for those who are before, and they have not noticed: say it again.
local patience
if held == '' or isBeside then
  local next
  next, patience = turns(KEYS[3], KEYS[4], held, isBeside and roomOf(held, KEYS[6]) or 0, now)
  if next ~= '' then redis.call('PUBLISH', KEYS[5], next) end
end
local ends = redis.call('PTTL', KEYS[1])
local soonest = isBeside and redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')[2]
if soonest then ends = math.max(0, soonest - now) end
if patience and (ends < 0 or patience < ends) then ends = math.ceil(patience) end
return {0, ends}
