-- Gives the hold its full TTL again. KEYS: 1 lock. ARGV: 1 token, 2 TTL ms.
-- Returns: 1, or 0 when the token does not hold the lock.
if redis.call('TYPE', KEYS[1]).ok ~= 'string' or redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
