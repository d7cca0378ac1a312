-- Token bucket: a record is what is missing, whole + part / period milli at a time, and how long
-- that takes to come back, under the limit that wrote it -------------------------------------------

local token_bucket = { size = 29 }

-- 100 years of 365.25 days.
local LONGEST_DRAIN = 3155760000000
-- 2^42, above every count, and so far below 2^53 that a double tells the side a product is on.
local ABOVE_ALL = 4398046511104

function token_bucket.read(value, at)
  local period, time, whole, part, drain = struct.unpack('>I5I7I6I5I6', value, at)
  local is_known = period >= 1 and period <= LONGEST_PERIOD and time <= LATEST_TIME
    and whole <= MOST_USED and part < period and drain <= LONGEST_DRAIN
  return is_known
    and { tag = 3, period = period, at = time, whole = whole, part = part, drain = drain }
    or nil
end

function token_bucket.write(record)
  local period, part, drain = record.period, record.part, record.drain
  return struct.pack('>BI5I7I6I5I6', 3, period, record.at, record.whole, part, drain)
end

-- The most that can be missing: what comes back in 100 years, or the greatest count.
local function most_missing(limit)
  if limit.number / limit.period * LONGEST_DRAIN >= ABOVE_ALL then
    return MOST_USED
  end
  local most = muldiv(limit.number, LONGEST_DRAIN, limit.period)
  return math.min(most, MOST_USED)
end

-- How long until whole + part / period have come back, rounded up.
local function time_to_drain(limit, whole, part)
  if limit.number == 0 then
    return 0
  end
  local time, rest = muldiv(whole, limit.period, limit.number)
  rest = rest + part
  local more = rest % limit.number
  return time + (rest - more) / limit.number + (more > 0 and 1 or 0)
end

function token_bucket.at(stored, limit, now)
  local bucket = { tag = 3, period = limit.period, at = now, whole = 0, part = 0 }
  -- Without a rate there is no bucket: what is stored waits for the day when the rate comes back.
  if not stored or limit.number == 0 then
    return bucket
  end
  bucket.at = math.max(now, stored.at)
  local elapsed = bucket.at - stored.at
  if elapsed * (limit.number / limit.period) >= ABOVE_ALL then
    return bucket
  end
  local whole, part = stored.whole, stored.part
  -- A lowered rate must not make an old level last for ever.
  local most = most_missing(limit)
  if whole >= most then
    whole, part = most, 0
  end
  local back, part_back = muldiv(elapsed, limit.number, limit.period)
  whole, part = whole - back, part - part_back
  if part < 0 then
    whole, part = whole - 1, part + limit.period
  end
  if whole >= 0 then
    bucket.whole, bucket.part = whole, part
  end
  return bucket
end

local function used_in_bucket(record)
  return record.whole + (record.part > 0 and 1 or 0)
end

function token_bucket.standing(record, limit, now)
  local remaining = math.max(limit.capacity - used_in_bucket(record), 0)
  return remaining, record.at + time_to_drain(limit, record.whole, record.part) - now
end

function token_bucket.wait(record, limit, cost, now)
  if cost <= limit.capacity - used_in_bucket(record) then
    return nil
  elseif cost > limit.capacity then
    return -1
  end
  local excess = record.whole + cost - limit.capacity
  return record.at + time_to_drain(limit, excess, record.part) - now
end

local function bucket_with(record, limit, whole, part)
  if whole == record.whole and part == record.part then
    return record
  end
  local drain = time_to_drain(limit, whole, part)
  return { tag = 3, period = record.period, at = record.at, whole = whole, part = part, drain = drain }
end

function token_bucket.charge(record, limit, cost)
  if cost == 0 or limit.number == 0 then
    return record
  end
  local whole, most = record.whole + cost, most_missing(limit)
  if whole >= most then
    return bucket_with(record, limit, most, 0)
  end
  return bucket_with(record, limit, whole, record.part)
end

function token_bucket.refund(record, limit, cost)
  if cost > record.whole then
    return bucket_with(record, limit, 0, 0)
  end
  return bucket_with(record, limit, record.whole - cost, record.part)
end

function token_bucket.date(record)
  return record.at
end

function token_bucket.dead_at(record)
  return record.at + record.drain
end

