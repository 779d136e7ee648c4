-- The circuit breaker of one model server (Nygard, "Release It!", 2007). Runs inside Redis or Valkey, before admission.lua.
--
-- <P>breaker   hash: failures (one after the other), until (seconds; absent while closed), pause (seconds), probe (caller)

local BREAKER = P .. 'breaker'

-- The seconds that a caller shall stay away, or nil where it may come: after the pause one caller may, the probe, and the
-- others wait for what becomes of it. A probe that was lost is neither in the line nor in flight, and has a successor.
local function pause_left(id)
  local till = tonumber(redis.call('HGET', BREAKER, 'until') or 0)
  if till == 0 then return end
  if till > now then return till - now end
  local probe = redis.call('HGET', BREAKER, 'probe')
  if probe and probe ~= id
    and (redis.call('HEXISTS', P .. 'leases', probe) == 1 or redis.call('HEXISTS', P .. 'waiters', probe) == 1) then
    return TERMS.pause
  end
end

-- The same; who may come after the pause is the probe then.
local function stay_away(id)
  local away = pause_left(id)
  if not away and redis.call('HEXISTS', BREAKER, 'until') == 1 then redis.call('HSET', BREAKER, 'probe', id) end
  return away
end

-- A server that answers, be it with an error, is there. Calls that were sent before the breaker opened, and fail after,
-- say nothing new.
local function heard(id, outcome)
  if outcome == 'answered' or outcome == 'refused' or outcome == 'failed' then
    redis.call('DEL', BREAKER)
  elseif outcome == 'gone' or outcome == 'timed_out' then
    local failures = redis.call('HINCRBY', BREAKER, 'failures', 1)
    local opened = redis.call('HEXISTS', BREAKER, 'until') == 1
    local pause
    if not opened and failures >= TERMS.failures then
      pause = TERMS.pause
    elseif opened and redis.call('HGET', BREAKER, 'probe') == id then
      pause = math.min(TERMS.longest_pause, 2 * tonumber(redis.call('HGET', BREAKER, 'pause')))
    end
    if pause then
      redis.call('HSET', BREAKER, 'pause', pause, 'until', now + pause)
      redis.call('HDEL', BREAKER, 'probe')
    end
  elseif redis.call('HGET', BREAKER, 'probe') == id then
    redis.call('HDEL', BREAKER, 'probe')
  end
end
