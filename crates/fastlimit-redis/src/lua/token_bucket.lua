-- Token bucket: at the time `at`, `whole + part / period` milli are missing. Behind them a record
-- holds how long that takes to come back, under the limit that wrote it ---------------------------

local function token_bucket()
  -- The state of a bucket ends at another time after each charge. Its key lives on for up to a
  -- 16th of the grace, so that many have the same end, and one that is charged again keeps it.
  local algorithm = { size = 24, format = 'BI5I7I6I5I6', fields = 6, ends_rounded = true }

  -- 100 years of 365.25 days.
  local LONGEST_DRAIN = 3155760000000
  -- 2^42, above every count, and so far below 2^53 that a double tells the side a product is on.
  local ABOVE_ALL = 4398046511104

  function algorithm.read(value, place, period)
    local at, whole, part, drain = unpack_bytes('>I7I6I5I6', value, place)
    if at <= LATEST_TIME and whole <= MOST_USED and part < period and drain <= LONGEST_DRAIN then
      return at, whole, part, at + drain
    end
  end

  function algorithm.write(limit, at, whole, part, dead_at)
    return limit.head .. pack_bytes('>I7I6I5I6', at, whole, part, dead_at - at)
  end

  -- The most that can be missing: what comes back in 100 years, or the greatest count.
  local function most_missing(limit)
    local most = limit.most_missing
    if not most then
      most = MOST_USED
      if limit.number / limit.period * LONGEST_DRAIN < ABOVE_ALL then
        most = min(most, (muldiv(limit.number, LONGEST_DRAIN, limit.period)))
      end
      limit.most_missing = most
    end
    return most
  end

  -- How long until whole + part / period have come back, rounded up.
  local function time_to_drain(limit, whole, part)
    local number = limit.number
    if number == 0 then
      return 0
    end
    local time, rest = muldiv(whole, limit.period, number)
    rest = rest + part
    local more = rest % number
    return time + (rest - more) / number + (more > 0 and 1 or 0)
  end

  function algorithm.put(fields, place, at, whole, part, dead_at)
    fields[place], fields[place + 1] = at, whole
    fields[place + 2], fields[place + 3] = part, dead_at - at
  end

  function algorithm.roll(limit, at, whole, part)
    -- Without a rate there is no bucket: what is stored waits for the day when the rate comes back.
    if not at or limit.number == 0 then
      return now, 0, 0
    end
    local time = max(now, at)
    local elapsed = time - at
    if elapsed * (limit.number / limit.period) >= ABOVE_ALL then
      return time, 0, 0
    end
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
    if whole < 0 then
      return time, 0, 0
    end
    return time, whole, part
  end

  function algorithm.used(_, _, whole, part)
    return part > 0 and whole + 1 or whole
  end

  function algorithm.dead_at(limit, at, whole, part)
    return at + time_to_drain(limit, whole, part)
  end

  function algorithm.passes_at(limit, at, whole, part, cost)
    return at + time_to_drain(limit, whole + cost - limit.capacity, part)
  end

  function algorithm.charge(limit, _, whole, part, cost)
    if cost == 0 or limit.number == 0 then
      return whole, part
    end
    local most = most_missing(limit)
    whole = whole + cost
    if whole >= most then
      return most, 0
    end
    return whole, part
  end

  function algorithm.refund(_, _, whole, part, cost)
    if cost > whole then
      return 0, 0
    end
    return whole - cost, part
  end

  return algorithm
end

