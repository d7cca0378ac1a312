-- Token bucket: at the time `at`, `whole + part / period` milli are missing. Behind them a record
-- holds how long that takes to come back, under the limit that wrote it ---------------------------

local function token_bucket()
  -- The state of a bucket ends at another time after each charge. Its key lives on for up to a
  -- 12th of the grace, so that many have the same end, and one that is charged again keeps it.
  local algorithm = { size = 24, format = 'I7I6I5I6', fields = 6, ends_rounded = true }

  -- 100 years of 365.25 days.
  local LONGEST_DRAIN = 3155760000000
  -- 2^42, above every count, and so far below 2^53 that a double tells the side a product is on.
  local ABOVE_ALL = 4398046511104
  -- What is taken off the answer of a bucket that misses whole milli.
  local WHOLE = ABOVE_ALL

  function algorithm.accept(limit, at, whole, part, drain)
    local is_ours = at <= LATEST_TIME and part < limit.period
    if is_ours and whole <= MOST_USED and drain <= LONGEST_DRAIN then
      return at, whole, part, at + drain
    end
  end

  function algorithm.write(limit, at, whole, part, dead_at)
    return limit.head .. pack_bytes('>I7I6I5I6', at, whole, part, dead_at - at)
  end

  -- The most that can be missing: what comes back in 100 years, or the greatest count. It is noted
  -- in the limit.
  local function most_missing(limit)
    local most = MOST_USED
    if limit.number / limit.period * LONGEST_DRAIN < ABOVE_ALL then
      most = min(most, (muldiv(limit.number, LONGEST_DRAIN, limit.period)))
    end
    limit.most_missing = most
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
      return now, 0, 0, 0
    end
    local time = now > at and now or at
    local elapsed = time - at
    if elapsed * (limit.number / limit.period) >= ABOVE_ALL then
      return time, 0, 0, 0
    end
    -- A lowered rate must not make an old level last for ever.
    local most = limit.most_missing or most_missing(limit)
    if whole >= most then
      whole, part = most, 0
    end
    local back, part_back = muldiv(elapsed, limit.number, limit.period)
    whole, part = whole - back, part - part_back
    if part < 0 then
      whole, part = whole - 1, part + limit.period
    end
    if whole < 0 then
      return time, 0, 0, 0
    end
    return time, whole, part, part > 0 and whole + 1 or whole
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

  function algorithm.charge(limit, at, whole, part, cost)
    if cost > 0 and limit.number > 0 then
      local most = limit.most_missing or most_missing(limit)
      whole = whole + cost
      if whole >= most then
        whole, part = most, 0
      end
    end
    return whole, part, at + time_to_drain(limit, whole, part)
  end

  function algorithm.refund(_, _, whole, part, cost)
    if cost > whole then
      return 0, 0
    end
    return whole - cost, part
  end

  -- Makes the quick check of a shape of one such limit: it knows a key where the products that count
  -- are exact.
  function algorithm.quick(shape)
    local limit, cost = shape[1], shape.cost
    local number, period, capacity = limit.number, limit.period, limit.capacity
    local start, grace, grain = shape.start, limit.grace, limit.grain
    if number == 0 then
      return nil
    end
    local most = most_missing(limit)
    -- What comes of a bucket that was full again is the same for all keys. One that came of such a
    -- bucket by the same check is full again if it was charged no later than this.
    local fresh, fresh_time, fresh_end, full_since
    if cost <= capacity and cost < most and cost * period < EXACT then
      fresh_time = time_to_drain(limit, cost, 0)
      fresh = pack_bytes('>c7I7I6I5I6', start, now, cost, 0, fresh_time)
      fresh_end = now + fresh_time + grace
      fresh_end = fresh_end + -fresh_end % grain
      full_since = now - fresh_time
    end
    -- The value that was denied last, and where its answer stands: a client that goes on comes many
    -- times.
    local denied, denied_at
    return function(value)
      if value == denied then
        reply[size + 1], reply[size + 2] = 1, reply[denied_at + 1]
        reply[size + 3], reply[size + 4] = reply[denied_at + 2], reply[denied_at + 3]
        size = size + 4
        return false
      elseif #value ~= 31 then
        return nil
      end
      local head, at, whole, part, drain = unpack_bytes('>c7I7I6I5I6', value)
      local end_before = at + drain + grace
      if drain == fresh_time and whole == cost and part == 0 and at <= full_since and head == start then
        size = size + 1
        reply[size] = cost - capacity - 1 - WHOLE
        return fresh, fresh_end, end_before > fresh_end - grain
      end
      local elapsed = now - at
      if head ~= start or elapsed < 0 or whole >= most then
        return nil
      elseif part >= period or drain > LONGEST_DRAIN then
        return nil -- not ours
      end
      local missing, back = (whole + 1) * period, elapsed * number
      if missing >= EXACT then
        return nil
      end
      local changed, used, time, ends = fresh, cost, fresh_time, fresh_end
      if back >= missing then
        if not fresh then
          return nil
        end
        part = 0
      else
        local part_back = back % period
        whole, part = whole - (back - part_back) / period, part - part_back
        if part < 0 then
          whole, part = whole - 1, part + period
        end
        if whole < 0 then
          whole, part = 0, 0
        end
        used = whole + cost + (part > 0 and 1 or 0)
        if used > capacity then
          local free = capacity - used + cost
          denied, denied_at = value, size + 1
          reply[size + 1], reply[size + 2] = 1, free > 0 and free or 0
          reply[size + 3], reply[size + 4] = time_to_drain(limit, whole, part), -1
          if cost <= capacity then
            reply[size + 4] = time_to_drain(limit, whole + cost - capacity, part)
          end
          size = size + 4
          return false
        end
        whole = whole + cost
        time = whole * period
        if whole >= most or time >= EXACT then
          return nil
        end
        local rest = time % number
        time = (time - rest) / number
        rest = rest + part
        if rest > 0 then
          local more = rest % number
          time = time + (rest - more) / number + (more > 0 and 1 or 0)
        end
        changed = pack_bytes('>c7I7I6I5I6', start, now, whole, part, time)
        ends = now + time + grace
        ends = ends + -ends % grain
      end
      if part == 0 then
        size = size + 1
        reply[size] = used - capacity - 1 - WHOLE
      else
        size = size + 2
        reply[size - 1], reply[size] = used - capacity - 1, time
      end
      return changed, ends, end_before > ends - grain and end_before <= ends
    end
  end

  return algorithm
end

