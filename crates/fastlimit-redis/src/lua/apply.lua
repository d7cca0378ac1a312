-- The algorithms by their tags ------------------------------------------------------------------

local algorithms = { fixed_window, sliding_window, token_bucket }

-- The request -----------------------------------------------------------------------------------

local operation = ARGV[1]
local now = tonumber(ARGV[2])
local cost = tonumber(ARGV[3])
local charged_at = tonumber(ARGV[4])

local is_given_time = now ~= nil
if not is_given_time then
  -- Once: it moves while a script runs.
  local time = redis.pcall('TIME')
  if time.err then
    return time
  end
  now = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000
end

-- The value: a byte of format version, then a record for each limit that was charged ------------

local value = redis.pcall('GET', KEYS[1])
if type(value) == 'table' then
  if string.find(value.err, 'WRONGTYPE', 1, true) then
    return 'a value that is not a string'
  end
  return value
end

local records = {}

local function place_of(tag, period)
  for place = 1, #records do
    local record = records[place]
    if record.period == period and record.tag == tag then
      return place
    end
  end
end

if value then
  local malformed = 'a value that is not made of rate limit records'
  local format = string.byte(value)
  if not format then
    return malformed
  elseif format ~= 1 then
    return 'a value of format version ' .. format .. '; this version reads format 1'
  end
  local at = 2
  while at <= #value do
    local algorithm = algorithms[string.byte(value, at)]
    if not algorithm or #value < at + algorithm.size then
      return malformed
    end
    local record = algorithm.read(value, at + 1)
    if not record or place_of(record.tag, record.period) then
      return malformed
    end
    records[#records + 1] = record
    at = at + 1 + algorithm.size
  end
end

-- A record dated more than a minute past its period was written by a clock that was wrong.
local function is_from_the_future(record)
  return algorithms[record.tag].date(record) > now + record.period + 60000
end

-- When a record is as good as absent, and a grace of its period, at most a minute, is over.
local function expires_at(record)
  return algorithms[record.tag].dead_at(record) + math.min(record.period, 60000)
end

-- How each limit stands, and whether one denies -------------------------------------------------

local current, waits, is_denied = {}, {}, false
local is_asked = cost > 0 and (operation == 'check' or operation == 'peek')
-- The latest time of the states.
local latest = now

local limits = {}

for i = 5, #ARGV, 4 do
  local place = #limits + 1
  local limit = {
    algorithm = algorithms[tonumber(ARGV[i])],
    tag = tonumber(ARGV[i]),
    period = tonumber(ARGV[i + 1]),
    number = tonumber(ARGV[i + 2]),
    capacity = tonumber(ARGV[i + 3]),
  }
  limits[place] = limit
  local stored = operation ~= 'reset' and records[place_of(limit.tag, limit.period)] or nil
  if stored and is_from_the_future(stored) then
    stored = nil
  end
  local record = limit.algorithm.at(stored, limit, now)
  current[place] = record
  latest = math.max(latest, limit.algorithm.date(record))
  if is_asked then
    waits[place] = limit.algorithm.wait(record, limit, cost, now)
    is_denied = is_denied or waits[place] ~= nil
  end
end

-- The operation ---------------------------------------------------------------------------------

local reply = { now, latest }
local is_changed = false

for i, limit in ipairs(limits) do
  local algorithm = limit.algorithm
  local place = place_of(limit.tag, limit.period)
  local before = current[i]
  local after = before
  if operation == 'reset' then
    if place then
      table.remove(records, place)
      is_changed = true
    end
  elseif operation == 'refund' then
    after = algorithm.refund(before, limit, cost, charged_at)
  elseif not is_denied then
    after = algorithm.charge(before, limit, cost)
  end
  if after ~= before then
    records[place or #records + 1] = after
    is_changed = true
  end
  local size = #reply
  reply[size + 1], reply[size + 2] = algorithm.standing(after, limit, now)
  reply[size + 3] = waits[i] or 0
end

if is_changed and operation ~= 'peek' then
  local bytes, last = '\1', 0
  for _, record in ipairs(records) do
    -- What is dead is left out.
    local ends = expires_at(record)
    if ends > now and not is_from_the_future(record) then
      bytes = bytes .. algorithms[record.tag].write(record)
      last = math.max(last, ends)
    end
  end
  local ttl = last - now
  if is_given_time then
    -- It is the server's clock that ends keys, which is not the clock of a given time.
    ttl = math.max(ttl, 3600000)
  end
  local written
  if last == 0 then
    written = redis.pcall('DEL', KEYS[1])
  else
    written = redis.pcall('SET', KEYS[1], bytes, 'PX', string.format('%.0f', ttl))
  end
  if type(written) == 'table' and written.err then
    return written
  end
end

return reply
