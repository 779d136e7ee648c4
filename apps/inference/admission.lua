-- The queue before one model server. Runs inside Redis or Valkey: everything below happens at once for all processes.
-- KEYS[1] is the beginning of the server's keys, ARGV[1] the command, ARGV[2] its terms, the rest its arguments. Above
-- it stand `P`, `TERMS` and `now`, fairness.lua and breaker.lua; admission.py puts the script together.
--
-- <P>window    hash: window, ceiling, step (tokens), requests, queue (calls), fit_at (seconds), credit (tokens), number
--              (of the last call that was let in), cut (the number when the window was last cut)
-- <P>waiters   hash: caller -> JSON of its ticket; <P>alive: sorted by its last sign of life; lines: see fairness.lua
-- <P>leases    hash: call in flight -> JSON; <P>admitted: sorted by admission; <P>expiry: sorted by end of the lease
-- <P>leading   hash: prefix -> the call that reads it first; <P>warm: prefixes sorted by when they count as forgotten
-- <P>grant:ID  list: wakes the caller

local WINDOW, LEASES, ADMITTED, EXPIRY = P .. 'window', P .. 'leases', P .. 'admitted', P .. 'expiry'
local LEADING, WARM = P .. 'leading', P .. 'warm'

local function number(field) return tonumber(redis.call('HGET', WINDOW, field) or 0) end

local function map(key)
  local flat, found = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
  return found
end

-- The calls in flight, in the order of their admission, and the prefixes that they hold.
local function in_flight()
  local calls, held, tokens = {}, {}, 0
  local rows = map(LEASES)
  for _, id in ipairs(redis.call('ZRANGE', ADMITTED, 0, -1)) do
    local call = cjson.decode(rows[id])
    call.cost = cost_of(call, held)
    if call.prefix ~= '' then held[call.prefix] = true end
    tokens = tokens + call.cost
    table.insert(calls, call)
  end
  return calls, held, tokens
end

-- How many of them the server runs and how many it queues, if it begins them in that order.
local function split(calls, window, requests)
  local running, used = 0, 0
  for _, call in ipairs(calls) do
    if running == requests or (running > 0 and used + call.cost > window) then break end
    running, used = running + 1, used + call.cost
  end
  return running, #calls - running
end

-- So many may be queued at the server: enough that it never waits for us, few enough that order stays with us.
local function queue_limit(running, most) return math.max(1, math.min(most, math.max(2, math.ceil(running / 8)))) end

local function take(id, call)
  call.number = redis.call('HINCRBY', WINDOW, 'number', 1)
  redis.call('HSET', LEASES, id, cjson.encode(call))
  redis.call('ZADD', ADMITTED, call.number, id)
  redis.call('ZADD', EXPIRY, now + TERMS.lease_seconds, id)
end

local function grant(head)
  local id, call = head.id, head.call
  leave_line(id, call, head.cost)
  call.charged = head.cost
  if call.prefix ~= '' then
    if tonumber(redis.call('ZSCORE', WARM, call.prefix) or 0) > now then
      redis.call('ZADD', WARM, now + TERMS.warm_seconds, call.prefix)
    else
      call.leads = true
      redis.call('HSET', LEADING, call.prefix, id)
    end
  end
  take(id, call)
  redis.call('RPUSH', P .. 'grant:' .. id, 1)
  redis.call('EXPIRE', P .. 'grant:' .. id, 60)
end

-- Lets in whom there is room for.
local function schedule()
  local window, requests, most = number('window'), number('requests'), number('queue')
  if window == 0 then return end
  local calls, held = in_flight()
  while true do
    local running, queued = split(calls, window, requests)
    if #calls > 0 and queued >= queue_limit(running, most) then return end
    local head = next_waiter(map(LEADING), held)
    if not head then return end
    grant(head)
    head.call.cost = head.cost
    if head.call.prefix ~= '' then held[head.call.prefix] = true end
    table.insert(calls, head.call)
  end
end

-- Takes a call out of flight. A leader that didn't get as far as an answer leaves its place to the next.
local function land(id, answered)
  local row = redis.call('HGET', LEASES, id)
  if not row then return end
  local call = cjson.decode(row)
  redis.call('HDEL', LEASES, id)
  redis.call('ZREM', ADMITTED, id)
  redis.call('ZREM', EXPIRY, id)
  redis.call('DEL', P .. 'grant:' .. id)
  if call.prefix ~= '' then
    if redis.call('HGET', LEADING, call.prefix) == id then redis.call('HDEL', LEADING, call.prefix) end
    if answered then redis.call('ZADD', WARM, now + TERMS.warm_seconds, call.prefix) end
  end
  return call
end

-- Sweeps up after processes that were killed.
local function reap()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now)) do land(id, false) end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'alive', '-inf', now - TERMS.waiter_seconds)) do
    leave_line(id, cjson.decode(redis.call('HGET', P .. 'waiters', id)), 0)
  end
  redis.call('ZREMRANGEBYSCORE', WARM, '-inf', now)
end

-- Additive increase, multiplicative decrease (Chiu and Jain 1989). One overload refuses many calls: those that were let
-- in before the window was last cut don't cut it again. It grows only while it is what limits (RFC 7661), by a step for
-- a window of answers; a call larger than the window is one window's answer, not several.
local function learn(call, outcome)
  local window = number('window')
  local calls, _, tokens = in_flight()
  local overloaded = outcome == 'refused' or outcome == 'timed_out'
  if overloaded and call.number > number('cut') then
    local flying = math.min(window, tokens)
    redis.call('HSET', WINDOW, 'window', math.max(1, flying * TERMS.decrease), 'cut', number('number'),
      'step', math.max(tokens / #calls, flying / TERMS.steps))
  elseif outcome == 'answered' and tokens * 2 >= window then
    local grown = window + number('step') * math.min(1, call.charged / window)
    redis.call('HSET', WINDOW, 'window', math.min(number('ceiling'), grown))
  end
end

local commands = {}

-- What the server can hold: tokens at the start and at most, calls at once, calls queued. A window that was never cut
-- follows the ceiling.
function commands.fit(first, ceiling, requests, queue)
  local window, before = number('window'), number('ceiling')
  if window == 0 or window >= before then window = tonumber(first) end
  redis.call('HSET', WINDOW, 'window', math.min(window, tonumber(ceiling)), 'ceiling', ceiling, 'requests', requests,
    'queue', queue, 'fit_at', now)
  if number('step') == 0 then redis.call('HSET', WINDOW, 'step', tonumber(first) / TERMS.steps) end
  schedule()
  return 'fitted'
end

-- Answers `unfitted` where nobody has said what the server holds, or so long ago that this caller shall ask again;
-- `open:SECONDS` while the breaker is open; `full` where the tenant's line is, but for a caller that has `begun`: it
-- was let in before for the same document, and what it did would be lost.
function commands.enter(id, ticket, begun)
  if redis.call('HEXISTS', LEASES, id) == 1 then return 'admitted' end
  reap()
  local away = stay_away(id)
  if away then return 'open:' .. away end
  if now - number('fit_at') > TERMS.fit_seconds then
    if number('window') > 0 then redis.call('HSET', WINDOW, 'fit_at', now) end
    return 'unfitted'
  end
  local waiter = cjson.decode(ticket)
  if begun ~= '1' and line_is_full(waiter.lane, waiter.tenant) then return 'full' end
  waiter.since = waiter.since > 0 and math.min(waiter.since, now) or now
  stand_in_line(id, waiter)
  schedule()
  return redis.call('HEXISTS', LEASES, id) == 1 and 'admitted' or 'waiting'
end

-- Says the same beforehand, also while a probe is out, and changes nothing.
function commands.ask(lane, tenant)
  reap()
  local away = pause_left()
  if away then return 'open:' .. away end
  return line_is_full(lane, tenant) and 'full' or 'free'
end

-- A caller that waits says that it still does. Where the breaker has opened meanwhile, it shall go.
function commands.look(id)
  local waits = redis.call('HEXISTS', P .. 'waiters', id) == 1
  local away = waits and stay_away(id)
  if away then return 'open:' .. away end
  if waits then redis.call('ZADD', P .. 'alive', now, id) end
  reap()
  schedule()
  if redis.call('HEXISTS', LEASES, id) == 1 then return 'admitted' end
  return redis.call('HEXISTS', P .. 'waiters', id) == 1 and 'waiting' or 'lost'
end

-- A call in flight lives. One that was taken for dead takes its tokens back: the server does work on it.
function commands.renew(id, ticket)
  if redis.call('HEXISTS', LEASES, id) == 1 then
    redis.call('ZADD', EXPIRY, now + TERMS.lease_seconds, id)
  else
    local call = cjson.decode(ticket)
    call.charged = call.own + call.shared
    take(id, call)
  end
  return 'renewed'
end

-- `outcome`: answered; refused (the queue is full); timed_out; gone (no connection, or a broken one); failed (the server
-- answered otherwise); left (the caller gave up).
function commands.finish(id, outcome)
  heard(id, outcome)
  local row = redis.call('HGET', LEASES, id)
  if row then
    learn(cjson.decode(row), outcome)
    land(id, outcome == 'answered')
  else
    local waiter = redis.call('HGET', P .. 'waiters', id)
    if waiter then leave_line(id, cjson.decode(waiter), 0) end
  end
  reap()
  schedule()
  return 'finished'
end

function commands.state()
  reap()
  local calls, _, tokens = in_flight()
  local window, requests = number('window'), number('requests')
  local running, queued = split(calls, window, requests)
  local till = tonumber(redis.call('HGET', BREAKER, 'until') or 0)
  return cjson.encode({open = till > 0, window = window, ceiling = number('ceiling'), tokens = tokens, running = running,
    queued = queued, waiting = redis.call('HLEN', P .. 'waiters')})
end

return commands[ARGV[1]](unpack(ARGV, 3))
