-- Takes the lock from the token, and raises the fence, so that what the old holder still does is told from what comes.
-- KEYS: 1 lock, 2 state, 3 queue, 4 places, 5 wake channel, 6 holders, 7 records. ARGV: 1 token.
-- Returns: 1, or 0 when the token does not hold the lock.
lib()
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)
if redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('HDEL', KEYS[2], 'record')
elseif isAmong(KEYS[1], KEYS[6], ARGV[1], now) then
  redis.call('ZREM', KEYS[6], ARGV[1])
  redis.call('HDEL', KEYS[7], ARGV[1])
  reap(KEYS[6], KEYS[7], now)
  fit(KEYS[1], KEYS[6], KEYS[7], now)
else
  return 0
end
local last = redis.call('HMGET', KEYS[2], 'fence', 'until')
redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', math.max(tonumber(last[1] or 0), us) + 1))
keepState(KEYS[2], 0, now, last[2])
local held = redis.call('GET', KEYS[1]) or ''
redis.call('PUBLISH', KEYS[5], (turns(KEYS[3], KEYS[4], held, roomOf(held, KEYS[6]), now)))
return 1
