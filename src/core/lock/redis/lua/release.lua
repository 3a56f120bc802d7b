-- Gives back whatever the token has: the lock, or a place in its queue. Touches nothing of anybody else.
-- KEYS: 1 lock, 2 queue, 3 places, 4 wake channel. ARGV: 1 token.
-- Returns: 1 when the lock was held and is free now, 0 when it was not.
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
if redis.call('TYPE', KEYS[1]).ok ~= 'string' or redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
local head = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
redis.call('PUBLISH', KEYS[4], head or '')
return 1
