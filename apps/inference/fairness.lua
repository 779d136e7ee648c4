-- Whose turn it is. Runs inside Redis or Valkey, before admission.lua.
--
-- The callers of one tenant in one lane stand in one sorted set, by how long they wait. The tenants of a lane stand in a
-- list, the one whose turn it is in front.

local function line_key(lane, tenant) return P .. 'line:' .. lane .. ':' .. tenant end

-- What a call adds to what the server holds: its prefix is there already if a call in flight has it.
local function cost_of(call, held)
  if call.prefix ~= '' and held[call.prefix] then return call.own end
  return call.own + call.shared
end

-- The first caller of a tenant that doesn't wait for the leader of its document.
local function first_ready(lane, tenant, leading)
  for _, id in ipairs(redis.call('ZRANGE', line_key(lane, tenant), 0, -1)) do
    local waiter = cjson.decode(redis.call('HGET', P .. 'waiters', id))
    if waiter.prefix == '' or not leading[waiter.prefix] then return id, waiter end
  end
end

-- Deficit round robin: who is in front is served as long as its deficit pays for it, then goes to the end, and the next
-- one gets a quantum. Where a whole round paid for nobody, all get at once what they would get in the rounds until
-- somebody can be paid for.
local function next_in(lane, leading, held)
  local round, deficits = P .. 'round:' .. lane, P .. 'deficit:' .. lane
  local tenants = redis.call('LRANGE', round, 0, -1)
  local ready, deficit, some = {}, {}, false
  for _, tenant in ipairs(tenants) do
    local id, waiter = first_ready(lane, tenant, leading)
    if id then
      ready[tenant] = {id = id, call = waiter, cost = cost_of(waiter, held)}
      some = true
    end
    deficit[tenant] = tonumber(redis.call('HGET', deficits, tenant) or 0)
  end
  if not some then return end
  local turns = 0
  while true do
    local tenant = tenants[1]
    local head = ready[tenant]
    if head and deficit[tenant] >= head.cost then
      redis.call('DEL', round)
      for _, name in ipairs(tenants) do
        redis.call('RPUSH', round, name)
        redis.call('HSET', deficits, name, deficit[name])
      end
      return head
    end
    table.insert(tenants, table.remove(tenants, 1))
    turns = turns + 1
    if turns % #tenants == 0 then
      local rounds
      for name, candidate in pairs(ready) do
        local needed = math.ceil((candidate.cost - deficit[name]) / TERMS.quantum) - 1
        if not rounds or needed < rounds then rounds = needed end
      end
      if rounds > 0 then
        for name in pairs(ready) do deficit[name] = deficit[name] + rounds * TERMS.quantum end
      end
    end
    -- Who has nobody to send saves nothing up.
    if ready[tenants[1]] then deficit[tenants[1]] = deficit[tenants[1]] + TERMS.quantum end
  end
end

-- Interactive before bulk; but while both wait, bulk earns credit with each interactive call, and goes first once it has
-- any. It pays with what it takes, so its share is kept in the long run, however large its calls.
local function next_waiter(leading, held)
  local credit = tonumber(redis.call('HGET', P .. 'window', 'credit') or 0)
  local bulk_waits = redis.call('EXISTS', P .. 'round:bulk') == 1
  if not bulk_waits then
    if credit ~= 0 then redis.call('HSET', P .. 'window', 'credit', 0) end
    return next_in('interactive', leading, held)
  end
  local bulk_first = credit > 0
  local head = next_in(bulk_first and 'bulk' or 'interactive', leading, held)
  if head and bulk_first then
    redis.call('HSET', P .. 'window', 'credit', credit - head.cost)
  elseif head then
    redis.call('HSET', P .. 'window', 'credit', credit + head.cost * TERMS.bulk_share / (1 - TERMS.bulk_share))
  else
    head = next_in(bulk_first and 'interactive' or 'bulk', leading, held)
  end
  return head
end

local function line_is_full(lane, tenant) return redis.call('ZCARD', line_key(lane, tenant)) >= TERMS.line end

local function stand_in_line(id, waiter)
  local line = line_key(waiter.lane, waiter.tenant)
  if redis.call('EXISTS', line) == 0 then redis.call('RPUSH', P .. 'round:' .. waiter.lane, waiter.tenant) end
  redis.call('ZADD', line, waiter.since, id)
  redis.call('HSET', P .. 'waiters', id, cjson.encode(waiter))
  redis.call('ZADD', P .. 'alive', now, id)
end

-- Takes a caller out of its line. `paid` is what its tenant is charged.
local function leave_line(id, waiter, paid)
  local line = line_key(waiter.lane, waiter.tenant)
  redis.call('ZREM', line, id)
  redis.call('HDEL', P .. 'waiters', id)
  redis.call('ZREM', P .. 'alive', id)
  if redis.call('EXISTS', line) == 0 then
    redis.call('LREM', P .. 'round:' .. waiter.lane, 0, waiter.tenant)
    redis.call('HDEL', P .. 'deficit:' .. waiter.lane, waiter.tenant)
  elseif paid > 0 then
    redis.call('HINCRBYFLOAT', P .. 'deficit:' .. waiter.lane, waiter.tenant, -paid)
  end
end
