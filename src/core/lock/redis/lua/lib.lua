-- What several scripts share: redis-scripts.ts puts it where a script says `lib()`, so that what is done most often, and
-- needs none of it, does not pay for it. It calls nothing by itself.
-- A place is "<deadline ms> <told ms> <mode> <record JSON>"; `told` is when its waiter was told that it is its turn, 0 when
-- not since it last spoke; the mode is `exclusive`, or what stands in the lock's key while it is held so: `dcs:shared`,
-- `dcs:slots=N`.
local function readPlace(place)
  local deadline, told, mode = string.match(place or '', '^(%d+) (%d+) (%S+)')
  return tonumber(deadline or 0), mode, tonumber(told or 0)
end
-- True for a waiter that was told and did not come within a second (as in acquire.lua): it is killed, stopped or slow. Those
-- behind it pass; when it speaks again it has its place again.
local function isPassed(told, now)
  return told > 0 and told + 1000 <= now
end
-- The tokens whose turn it is, in one message, and after how many ms the first of them is passed (nil without any): of the
-- live waiters from the first on, one if it is exclusive and nobody holds, else as many alike as there is room for. Notes
-- that they were told. `held` is the value of the lock's key, '' when it is free; `room` is how many slots are free then;
-- `now` is in ms.
local function turns(queue, places, held, room, now)
  local next = {}
  local patience
  local kind = held
  local from = 0
  local size = 1
  while true do
    local tokens = redis.call('ZRANGE', queue, from, from + size - 1)
    for _, token in ipairs(tokens) do
      local place = redis.call('HGET', places, token)
      local deadline, mode, told = readPlace(place)
      if deadline > now and not isPassed(told, now) then
        if kind == '' then
          kind = mode
          room = mode == 'exclusive' and 1 or tonumber(string.match(mode, '^dcs:slots=(%d+)$') or math.huge)
        end
        if mode ~= kind or #next >= room then return table.concat(next, ' '), patience end
        if told == 0 then
          told = math.floor(now)
          local text = string.gsub(place, ' 0 ', string.format(' %.0f ', told), 1)
          redis.call('HSET', places, token, text)
        end
        patience = math.min(patience or 1000, math.max(0, told + 1000 - now))
        next[#next + 1] = token
        if mode == 'exclusive' then return token, patience end
      end
    end
    if #tokens < size then return table.concat(next, ' '), patience end
    from = from + size
    size = 100
  end
end
-- Takes those whose time is over out of the holders of a lock that several hold.
local function reap(holders, records, now)
  local first = redis.call('ZRANGE', holders, 0, 0, 'WITHSCORES')
  while first[1] and tonumber(first[2]) <= now do
    redis.call('ZREM', holders, first[1])
    redis.call('HDEL', records, first[1])
    first = redis.call('ZRANGE', holders, 0, 0, 'WITHSCORES')
  end
end
-- The key of a lock that several hold lasts as long as the longest of them, and is gone with the last.
local function fit(lock, holders, records, now)
  local last = redis.call('ZRANGE', holders, -1, -1, 'WITHSCORES')
  if not last[1] then return redis.call('DEL', lock, holders, records) end
  local left = string.format('%.0f', last[2] - now)
  redis.call('PEXPIRE', lock, left)
  redis.call('PEXPIRE', holders, left)
  redis.call('PEXPIRE', records, left)
end
local function isMany(held)
  return held == 'dcs:shared' or string.sub(held, 1, 10) == 'dcs:slots='
end
-- True when the token is among several who hold.
local function isAmong(lock, holders, token, now)
  if redis.call('TYPE', lock).ok ~= 'string' then return false end
  if not isMany(redis.call('GET', lock)) then return false end
  return tonumber(redis.call('ZSCORE', holders, token) or 0) > now
end
-- How many slots are free; of no meaning for readers.
local function roomOf(held, holders)
  local slots = string.match(held, '^dcs:slots=(%d+)$')
  return slots and slots - redis.call('ZCARD', holders) or math.huge
end
-- Lost counters are no harm, because a fence is never below the time; so names that nobody uses go away: the state lasts a
-- week longer than the hold, and `till` is what was last written of its end, ms.
local function keepState(state, ttl, now, till)
  if tonumber(till or 0) > now + ttl + 302400000 then return end
  local span = 604800000 + ttl
  redis.call('HSET', state, 'until', string.format('%.0f', now + span))
  redis.call('PEXPIRE', state, string.format('%.0f', span))
end
