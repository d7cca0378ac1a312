-- Applies one operation to the state of one key, under all of the limits or under none.
--
-- This is `Entry` of fastlimit-core in Lua: the same answers, and the same bytes under the key.
--
-- KEYS[1]  the key
-- ARGV     the operation, now (ms; empty: the server's clock), the cost (milli), charged_at (ms);
--          then for each limit the tag of its algorithm, the period (ms), the capacity (milli)
-- Reply    {now, charged_at}, then for each limit remaining (milli), reset_after (ms), wait:
--          0 where it allows, -1 where waiting never helps, or the ms after which it allows;
--          or a text: what is wrong with a value that is not ours
--
-- The error of a command is the reply. Nothing was written then: the write is the last command.
-- All numbers are whole and below 2^53, so exact as doubles. Each call makes all functions anew,
-- so there are few.

-- Fixed window: a record is when the window began, and what has been used in it -----------------

local fixed_window = { size = 18 }

function fixed_window.read(value, at)
  local period, start, used = struct.unpack('>I5I7I6', value, at)
  -- 366 days, the end of time, and 2^41, the most that can be in use.
  local is_known = period >= 1 and period <= 31622400000
    and start <= 4503599627370496 and start % period == 0
    and used <= 2199023255552
  return is_known and { tag = 1, period = period, start = start, used = used } or nil
end

function fixed_window.write(record)
  return struct.pack('>BI5I7I6', 1, record.period, record.start, record.used)
end

-- The record as it stands now: the stored one, if there is one, or the beginning of a window.
function fixed_window.at(stored, period, now)
  local start = now - now % period
  if stored and stored.start >= start then
    return stored
  end
  return { tag = 1, period = period, start = start, used = 0 }
end

-- What is left, and how long until all of it is back.
function fixed_window.standing(record, capacity, now)
  return math.max(capacity - record.used, 0), record.start + record.period - now
end

-- How long to wait for a cost; nothing where it fits.
function fixed_window.wait(record, capacity, cost, now)
  if cost <= capacity - record.used then
    return nil
  end
  return cost <= capacity and record.start + record.period - now or -1
end

-- The record with a cost taken; the same one if that changes nothing.
function fixed_window.charge(record, cost)
  local used = math.min(record.used + cost, 2199023255552)
  if used == record.used then
    return record
  end
  return { tag = 1, period = record.period, start = record.start, used = used }
end

-- The record with a cost given back; the same one if that changes nothing.
function fixed_window.refund(record, cost, charged_at)
  local used = math.max(record.used - cost, 0)
  if used == record.used or charged_at - charged_at % record.period ~= record.start then
    return record
  end
  return { tag = 1, period = record.period, start = record.start, used = used }
end

function fixed_window.date(record)
  return record.start
end

function fixed_window.dead_at(record)
  return record.start + record.period
end

-- The algorithms by their tags ------------------------------------------------------------------

local algorithms = { fixed_window }

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

for i = 5, #ARGV, 3 do
  local tag, period, capacity = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local algorithm = algorithms[tag]
  local stored = operation ~= 'reset' and records[place_of(tag, period)] or nil
  if stored and is_from_the_future(stored) then
    stored = nil
  end
  local record = algorithm.at(stored, period, now)
  current[i] = record
  latest = math.max(latest, algorithm.date(record))
  if is_asked then
    waits[i] = algorithm.wait(record, capacity, cost, now)
    is_denied = is_denied or waits[i] ~= nil
  end
end

-- The operation ---------------------------------------------------------------------------------

local reply = { now, latest }
local is_changed = false

for i = 5, #ARGV, 3 do
  local tag, period, capacity = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local algorithm = algorithms[tag]
  local place = place_of(tag, period)
  local before = current[i]
  local after = before
  if operation == 'reset' then
    if place then
      table.remove(records, place)
      is_changed = true
    end
  elseif operation == 'refund' then
    after = algorithm.refund(before, cost, charged_at)
  elseif not is_denied then
    after = algorithm.charge(before, cost)
  end
  if after ~= before then
    records[place or #records + 1] = after
    -- With the first write goes what is dead. That was as good as absent above.
    if not is_changed and #records > 1 then
      local kept = {}
      for _, record in ipairs(records) do
        if record == after or (expires_at(record) > now and not is_from_the_future(record)) then
          kept[#kept + 1] = record
        end
      end
      records = kept
    end
    is_changed = true
  end
  local size = #reply
  reply[size + 1], reply[size + 2] = algorithm.standing(after, capacity, now)
  reply[size + 3] = waits[i] or 0
end

if is_changed and operation ~= 'peek' then
  local bytes, last = '\1', 0
  for _, record in ipairs(records) do
    bytes = bytes .. algorithms[record.tag].write(record)
    last = math.max(last, expires_at(record))
  end
  local ttl = last - now
  if is_given_time then
    -- It is the server's clock that ends keys, which is not the clock of a given time.
    ttl = math.max(ttl, 3600000)
  end
  local written
  -- What a reset leaves may be dead already.
  if #records == 0 or ttl <= 0 then
    written = redis.pcall('DEL', KEYS[1])
  else
    written = redis.pcall('SET', KEYS[1], bytes, 'PX', string.format('%.0f', ttl))
  end
  if type(written) == 'table' and written.err then
    return written
  end
end

return reply
