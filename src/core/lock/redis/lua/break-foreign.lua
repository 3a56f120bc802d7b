-- Deletes a key that is not dcs's record of a hold, if it is exactly what the operator says it is; raises the fence.
-- KEYS: 1 lock, 2 state, 3 queue, 4 places, 5 wake channel. ARGV: 1 the value.
-- Returns: {1, fence} deleted; {0} free; {-1} another value; {-2} not a string, which is never touched.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return {0} end
if kind ~= 'string' then return {-2} end
lib()
if isMany(ARGV[1]) or redis.call('GET', KEYS[1]) ~= ARGV[1] then return {-1} end
redis.call('DEL', KEYS[1])
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local last = redis.call('HMGET', KEYS[2], 'fence', 'until')
local fence = math.max(tonumber(last[1] or 0), us) + 1
redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', fence))
keepState(KEYS[2], 0, us / 1000, last[2])
redis.call('PUBLISH', KEYS[5], (turns(KEYS[3], KEYS[4], '', 0, us / 1000)))
return {1, fence}
